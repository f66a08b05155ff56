"""The same twelve municipalities in every sample, and why each is among them.

Figures: Gemeindeverzeichnis GV-ISys, 31.12.2021 (area in km2, persons).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Municipality:
    """One municipality as the Gemeindeverzeichnis lists it; `vb` are the four digits of its association."""

    ags: str
    vb: str
    name: str
    text_kind: str
    area_km2: float
    population: int
    male: int
    female: int
    plz: str
    longitude: str
    latitude: str
    why: str

    @property
    def land(self) -> str:
        return self.ags[:2]

    @property
    def rb(self) -> str:
        return self.ags[2]

    @property
    def kreis(self) -> str:
        return self.ags[3:5]

    @property
    def gem(self) -> str:
        return self.ags[5:]


LAENDER = {
    "01": "Schleswig-Holstein",
    "02": "Hamburg",
    "03": "Niedersachsen",
    "05": "Nordrhein-Westfalen",
    "07": "Rheinland-Pfalz",
    "08": "Baden-Württemberg",
    "09": "Bayern",
    "16": "Thüringen",
}

TWELVE = (
    Municipality(
        "01001000", "0000", "Flensburg, Stadt", "61", 56.73, 91113, 45336, 45777, "24937", "9,43751", "54,78252",
        why="the first key of all: a leading zero and zeros inside, lost as soon as it is read as a number",
    ),
    Municipality(
        "02000000", "0000", "Hamburg, Freie und Hansestadt", "61", 755.09, 1853935, 907682, 946253, "20038", "9,99697",
        "53,550678", why="a city state: municipality, association, district and Land in one",
    ),
    Municipality(
        "03159016", "0016", "Göttingen, Stadt", "63", 117.02, 116557, 56707, 59850, "37083", "9,935418", "51,533337",
        why="its key changed with the merger of two districts in 2016 (03152012 before), and it has an umlaut",
    ),
    Municipality(
        "05315000", "0000", "Köln, Stadt", "61", 405.01, 1073096, 521939, 551157, "50667", "6,957068", "50,938107",
        why="a district of its own with more than a million inhabitants",
    ),
    Municipality(
        "05774032", "0032", "Paderborn, Stadt", "63", 179.59, 152531, 76107, 76424, "33104", "8,757301", "51,719601",
        why="a large town inside a district",
    ),
    Municipality(
        "05974040", "0040", "Soest, Stadt", "63", 85.81, 47929, 23316, 24613, "59494", "8,106308", "51,572543",
        why="a middle-sized town that bears the name of its district",
    ),
    Municipality(
        "07211000", "0000", "Trier, Stadt", "61", 117.06, 110570, 54662, 55908, "54290", "6,638021", "49,757603",
        why="its cars are registered by the office of the district around it: no value of its own",
    ),
    Municipality(
        "07231021", "5008", "Dierfeld", "64", 1.55, 9, 7, 2, "54533", "6,88919", "50,083963",
        why="the least populated of all that have inhabitants",
    ),
    Municipality(
        "08426118", "5001", "Tiefenbach", "64", 6.94, 525, 261, 264, "88422", "9,6525", "48,089033",
        why="a small member of an association, and four others bear its name",
    ),
    Municipality(
        "08436064", "5005", "Ravensburg, Stadt", "67", 92.05, 50928, 25217, 25711, "88212", "9,615089", "47,78366",
        why="the largest member of an agreed association (Verwaltungsgemeinschaft)",
    ),
    Municipality(
        "09162000", "0000", "München, Landeshauptstadt", "61", 310.7, 1487708, 725594, 762114, "80313", "11,575997",
        "48,137683", why="a district of its own that gives its name to another district",
    ),
    Municipality(
        "16063105", "0105", "Eisenach, Stadt", "63", 104.17, 41806, 20595, 21211, "99817", "10,322388", "50,977287",
        why="a district of its own (16056000) until it joined the Wartburgkreis on 1 July 2021",
    ),
)  # fmt: skip
