import sys
from tests.simulator.run import run
from tests.simulator.story import story
import time

for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    t = time.process_time()
    o = run(story(seed), keep=len(sys.argv) > 3)
    print(
        seed,
        o.wrong,
        o.digest[:8],
        len(o.faults),
        o.requests,
        o.cycles,
        round(o.seconds),
        round(time.process_time() - t, 2),
    )
    if len(sys.argv) > 3:
        print("\n".join(o.trace))
