"""Names, titles and places for made-up companies: native spelling and ASCII, per language.

Only `generate` reads them. Each people's names are common ones of its language; nobody in particular is meant.
"""

from msgspec import Struct

Name = tuple[str, str]
"""As it's written, and in ASCII."""


class People(Struct, frozen=True):
    """Where some of the staff work, and what people are called there."""

    language: str
    country: str
    city: str
    given: tuple[Name, ...]
    family: tuple[Name, ...]
    family_first: bool = False


def _names(text: str) -> tuple[Name, ...]:
    """ "Zoë:Zoe Anna" is (("Zoë", "Zoe"), ("Anna", "Anna")); an underscore stands for a space."""
    pairs = (word.replace("_", " ").partition(":") for word in text.split())
    return tuple((native, ascii or native) for native, _, ascii in pairs)


PEOPLES = (
    People(
        "en-IE",
        "IE",
        "Dublin",
        _names("Aoife Seán:Sean Siobhán:Siobhan Conor Niamh Pádraig:Padraig Grace Jack Emily Oisín:Oisin Ruth Mark"),
        _names("Murphy O'Brien:OBrien Walsh Ní_Dhomhnaill:NiDhomhnaill Byrne Kelly Doyle MacCarthy Nolan Reilly Quinn"),
    ),
    People(
        "de-DE",
        "DE",
        "Köln",
        _names(
            "Jürgen:Juergen Zoë:Zoe Anke Björn:Bjoern Käthe:Kaethe Lukas Mia Noah Günther:Guenther "
            "Elif Paul Sören:Soeren"
        ),
        _names(
            "Müller:Mueller Groß:Gross Weiß:Weiss Schäfer:Schaefer Köhler:Koehler Vogt "
            "von_Thun:vonThun Yılmaz:Yilmaz Brandt"
        ),
    ),
    People(
        "pl-PL",
        "PL",
        "Łódź",
        _names(
            "Łukasz:Lukasz Żaneta:Zaneta Paweł:Pawel Małgorzata:Malgorzata Zbigniew Agnieszka "
            "Świętosława:Swietoslawa Jan Ewa"
        ),
        _names(
            "Wiśniewski:Wisniewski Dąbrowska:Dabrowska Wójcik:Wojcik Zieliński:Zielinski "
            "Szczepańska:Szczepanska Nowak Król:Krol"
        ),
    ),
    People(
        "tr-TR",
        "TR",
        "İzmir",
        _names("İpek:Ipek Işıl:Isil Çağrı:Cagri Şükrü:Sukru Gökçe:Gokce Ömer:Omer Ayşe:Ayse Deniz Kerem Zeynep"),
        _names("Yıldırım:Yildirim Öztürk:Ozturk Çelik:Celik Şahin:Sahin Aydın:Aydin Güneş:Gunes Kaya Doğan:Dogan"),
    ),
    People(
        "vi-VN",
        "VN",
        "Đà Nẵng",
        _names("Thị_Hương:ThiHuong Đức:Duc Quỳnh:Quynh Nhật:Nhat Thảo:Thao Tuấn:Tuan Ngọc:Ngoc Hải:Hai Bảo:Bao"),
        _names("Nguyễn:Nguyen Trần:Tran Phạm:Pham Đặng:Dang Vũ:Vu Huỳnh:Huynh Võ:Vo Bùi:Bui Đỗ:Do"),
        family_first=True,
    ),
    People(
        "el-GR",
        "GR",
        "Αθήνα",
        _names(
            "Ελένη:Eleni Γιώργος:Giorgos Μαρία:Maria Δημήτρης:Dimitris Άννα:Anna Νίκος:Nikos "
            "Ευφροσύνη:Effrosyni Σπύρος:Spyros"
        ),
        _names(
            "Παπαδοπούλου:Papadopoulou Καζαντζάκης:Kazantzakis Οικονόμου:Oikonomou Βλάχος:Vlachos "
            "Ψαρράς:Psarras Ξενάκη:Xenaki"
        ),
    ),
    People(
        "uk-UA",
        "UA",
        "Львів",
        _names(
            "Оксана:Oksana Тарас:Taras Їжакія:Yizhakiia Євген:Yevhen Зоряна:Zoriana Дмитро:Dmytro "
            "Ганна:Hanna Андрій:Andrii"
        ),
        _names(
            "Шевченко:Shevchenko Ґалаґан:Galagan Коваль:Koval Щербак:Shcherbak Бондаренко:Bondarenko Яценко:Yatsenko"
        ),
    ),
    People(
        "ar-EG",
        "EG",
        "القاهرة",
        _names(
            "محمد:Mohamed فاطمة:Fatma أحمد:Ahmed نور:Nour يوسف:Youssef ليلى:Laila عمر:Omar هبة:Heba "
            "خالد:Khaled مريم:Mariam"
        ),
        _names(
            "حسن:Hassan الشافعي:ElShafei عبد_الرحمن:AbdelRahman منصور:Mansour سليمان:Soliman النجار:ElNaggar فهمي:Fahmy"
        ),
    ),
    People(
        "he-IL",
        "IL",
        "חיפה",
        _names("נועה:Noa יוסי:Yossi תמר:Tamar אורי:Uri שירה:Shira דוד:David מיכל:Michal איתי:Itay רחל:Rachel"),
        _names("כהן:Cohen לוי:Levi מזרחי:Mizrahi פרידמן:Friedman בן_דוד:BenDavid אשכנזי:Ashkenazi שפירא:Shapira"),
    ),
    People(
        "hi-IN",
        "IN",
        "पुणे",
        _names(
            "प्रिया:Priya अर्जुन:Arjun लक्ष्मी:Lakshmi संजय:Sanjay आदित्य:Aditya नेहा:Neha विक्रम:Vikram कृष्ण:Krishna श्रेया:Shreya"
        ),
        _names(
            "शर्मा:Sharma पाटिल:Patil चतुर्वेदी:Chaturvedi गुप्ता:Gupta देशपांडे:Deshpande सिंह:Singh जोशी:Joshi मिश्रा:Mishra"
        ),
    ),
    People(
        "zh-CN",
        "CN",
        "成都",
        _names(
            "伟:Wei 秀英:Xiuying 思远:Siyuan 静:Jing 浩然:Haoran 雨桐:Yutong 建国:Jianguo 丽华:Lihua "
            "子轩:Zixuan 梦琪:Mengqi"
        ),
        _names("王:Wang 李:Li 欧阳:Ouyang 张:Zhang 刘:Liu 陈:Chen 司马:Sima 赵:Zhao 黄:Huang 吴:Wu"),
        family_first=True,
    ),
    People(
        "ko-KR",
        "KR",
        "부산",
        _names(
            "민준:Minjun 서연:Seoyeon 지훈:Jihoon 하은:Haeun 도윤:Doyun 수빈:Subin 예준:Yejun 지우:Jiwoo 현우:Hyunwoo"
        ),
        _names("김:Kim 이:Lee 박:Park 최:Choi 정:Jeong 강:Kang 조:Cho 윤:Yoon 남궁:Namgung"),
        family_first=True,
    ),
    People(
        "ja-JP",
        "JP",
        "京都",
        _names(
            "さくら:Sakura 大輔:Daisuke ユキ:Yuki 健太:Kenta あおい:Aoi 翔:Sho マリナ:Marina "
            "美咲:Misaki 蓮:Ren ひなた:Hinata"
        ),
        _names(
            "佐藤:Sato 鈴木:Suzuki 高橋:Takahashi 渡邊:Watanabe 五十嵐:Igarashi 小野寺:Onodera "
            "東海林:Shoji 中村:Nakamura"
        ),
        family_first=True,
    ),
)

DEPARTMENTS = {
    "Engineering": ("Software Engineer", "Senior Software Engineer", "Site Reliability Engineer", "Test Engineer"),
    "Product": ("Product Manager", "Designer", "User Researcher"),
    "Sales": ("Account Executive", "Sales Engineer", "Account Manager"),
    "Customer Support": ("Support Specialist", "Support Engineer"),
    "Marketing": ("Content Editor", "Campaign Manager", "Analyst"),
    "Finance": ("Accountant", "Controller", "Payroll Specialist"),
    "People": ("Recruiter", "People Partner"),
    "Legal": ("Counsel", "Privacy Specialist"),
    "IT": ("System Administrator", "Security Analyst"),
    "Operations": ("Logistics Planner", "Facility Manager", "Buyer"),
}
GROUPS = ("Team", "Project", "Office", "Guild", "Committee")
