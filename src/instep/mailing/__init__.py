"""Mails: how a letter looks (`layout`), and how it's sent (`smtp`). Implements the ports of `instep.ports.outbox`."""
