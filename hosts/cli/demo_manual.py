"""Make the manual that `agentrag demo` ingests: `python -m hosts.cli.demo_manual [FILE]`. Needs reportlab.

The machine, its maker and every word are invented for this project. The same script gives the same bytes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

TITLE = "Wrenmill SM-2 Seed Mill: Operator's Manual"
AUTHOR = "Wrenmill Works"
MADE = "1772442000"
"""Unix time of the manual's own date, 2 March 2026, so that its bytes do not depend on the day of the build."""

TEXT = """
# 1 About this manual

The Wrenmill SM-2 is a table-top mill that grinds dry seeds, grain and dried herbs into meal or flour. It is made for
farm shops, school kitchens and small bakeries that grind up to 12 kilograms in an hour. This manual is part of the
machine: keep it within reach of everyone who works with the mill, and hand it on when the mill changes owners.

The mill may be run by persons aged 16 or older who have read sections 2 and 5. Younger persons may fill the hopper
under the eyes of a trained adult. Only a qualified electrician may open the motor housing.

Use the mill for dry, clean, edible goods with at most 14 percent moisture. Oily nuts, coffee with added sugar, salt,
minerals and anything frozen are outside of its intended use and end the warranty.

The box holds:

- the mill with its hopper and its flour drawer
- a mains cable of 1.8 metres
- a brush for the rollers
- a tube of food-grade grease H1, 20 grams
- this manual with the service log inside its back cover

# 2 Safety warnings

The safety warnings that matter most: keep hands, hair and loose clothing away from the rollers, pull the mains plug
before you open the roller guard, and keep flour dust away from flames. Everyone who works with the mill must have read
all safety warnings on this page.

! DANGER: Keep hands, hair and loose clothing away from the feed opening while the rollers turn. The rollers pull
in fingers faster than a person can react.

! DANGER: Pull the mains plug before you open the roller guard. The rollers keep turning for up to 8 seconds after the
mill has been switched off.

! WARNING: Flour dust can explode. Do not grind near open flames, heaters or sparks, and air the room until no haze is
left.

! WARNING: Wear a dust mask of class FFP2 and hearing protection when you grind for more than 15 minutes.

! WARNING: Never bridge the guard switch. A mill whose guard switch does not work must be taken out of use at once.

! CAUTION: The roller housing reaches 65 degrees Celsius in long runs. Let it cool for 20 minutes before you touch it.

! CAUTION: The mill weighs 19 kilograms. Two persons must lift it, holding it by the base plate only.

# 3 Technical data

| Property | Value
| Rated voltage | 230 V, 50 Hz
| Rated power | 750 W
| Fuse | 10 A, slow
| Roller speed | 420 revolutions per minute
| Throughput, wheat, fine | 7 kilograms per hour
| Throughput, wheat, coarse | 12 kilograms per hour
| Roller gap | 0.10 mm to 2.50 mm in 25 steps
| Hopper | 4.5 litres
| Flour drawer | 6 litres
| Sound pressure level | 74 dB(A) at 1 metre
| Longest run without a pause | 45 minutes
| Ambient temperature | 5 to 35 degrees Celsius
| Dimensions (W x D x H) | 310 x 420 x 560 mm
| Mass | 19 kg

Throughput was measured with winter wheat of 12 percent moisture at 20 degrees Celsius. Harder seeds, such as chickpeas
or maize, take about twice as long. The rating plate with the serial number is under the flour drawer.

# 4 Setting up

Stand the mill on a level table that carries at least 60 kilograms. Leave 15 centimetres free behind the motor so that
the cooling air can escape, and keep the mains socket within reach.

- Remove the red transport lock from the drive shaft and keep it for later moves.
- Push the flour drawer in until it clicks; the mill does not start without it.
- Set the roller gap to step 25, the widest, before the first start.
- Plug the mill into a grounded socket with a residual current device of 30 mA.
- Let the mill run empty for 2 minutes. A faint smell of warm grease is normal the first time.
- Grind 500 grams of wheat and throw this first flour away.

After a move from a cold place, wait for 3 hours before you plug the mill in: condensed water inside the motor can cause
an electric shock.

# 5 Grinding

Switch the mill on before you fill the hopper. If the rollers start under load, the overload switch trips and must cool
for 10 minutes.

| Goods | Roller gap | Step
| Wheat or spelt, fine flour | 0.10 mm | 1
| Rye, medium meal | 0.40 mm | 4
| Dried herbs | 0.80 mm | 8
| Oats, flaked | 1.20 mm | 12
| Maize, coarse grits | 2.00 mm | 20

Change the roller gap only while the rollers turn and the hopper is empty. Turn the dial clockwise to grind finer. If
the tone of the motor drops, open the gap by two steps and let the mill clear itself.

Stop after 45 minutes of grinding and let the mill rest for 30 minutes. To end work, let the hopper run empty, open the
gap to step 25, switch the mill off and pull the mains plug.

# 6 Maintenance schedule

Pull the mains plug before any maintenance. Never clean the mill with water or compressed air.

| When | What | By whom
| After each use | Brush the rollers and empty the flour drawer | Operator
| Every week | Test the guard switch: the rollers must stop when the guard opens | Operator
| Every 50 hours | Grease both bearings with 2 grams of food-grade grease H1 | Operator
| Every 200 hours | Check the tension of the drive belt: 6 mm of play | Technician
| Every 500 hours | Replace the drive belt, part number SM2-114 | Technician
| Every 2 years | Test the protective earth and the insulation | Electrician
| Every 1,500 hours | Regrind the rollers at the works | Wrenmill Works

The hour counter is on the rear panel. Write each service into the log on the inside of the back cover: the warranty
depends on it.

# 7 Troubleshooting

| Fault | Likely cause | Remedy
| The mill does not start | Flour drawer is not in | Push the drawer in until it clicks
| The mill stops under load | Overload switch has tripped | Wait 10 minutes, open the gap
| Flour is too warm | Gap is too narrow | Open the gap by one step
| Flour is uneven | Rollers are worn | Have the rollers reground
| Squealing sound | Drive belt slips | Have the belt tension checked
| Smell of burning | Bearing runs dry | Switch off at once and grease the bearings
| Light blinks twice | Guard is open | Close the roller guard
| Light blinks five times | Motor is too hot | Let the mill rest for 30 minutes

If a fault comes back after its remedy, take the mill out of use and send the serial number and the reading of the hour
counter to the service desk of Wrenmill Works.

# 8 Warranty and disposal

Wrenmill Works gives a warranty of 3 years on the mill and of 10 years on the rollers, counted from the day of delivery.
The warranty covers faults of material and of workmanship.

The warranty does not cover the drive belt, the brushes and the seals, which wear in use. It ends when the maintenance
schedule in section 6 was not kept, when the guard switch was bridged, or when parts from other makers were fitted.

To claim, send the invoice, the serial number and a copy of the service log within 30 days of finding the fault. Repairs
under warranty take 10 working days; the works pays for transport both ways.

Spare parts are kept in stock for 15 years after the last mill of a series was sold. An old mill must not go into
household waste: Wrenmill Works takes it back free of charge and reuses 92 percent of its mass.
"""
"""Blocks with a blank line between them: `#` begins a page, `!` a warning, `-` a list, `|` a table; else paragraphs."""


def make(path: Path) -> None:
    """Write the manual to `path`."""
    from reportlab.lib.pagesizes import A5  # type: ignore[import-untyped]
    from reportlab.platypus import Paragraph, SimpleDocTemplate  # type: ignore[import-untyped]

    os.environ["SOURCE_DATE_EPOCH"] = MADE
    styles = _styles()
    story = [Paragraph(TITLE.replace(": ", "<br/>"), styles["title"])]
    for block in TEXT.strip().split("\n\n"):
        story += _flowables(block, styles)
    template = SimpleDocTemplate(
        str(path),
        pagesize=A5,
        leftMargin=45,
        rightMargin=45,
        topMargin=40,
        bottomMargin=45,
        title=TITLE,
        author=AUTHOR,
        subject="Use, safety and care of a table-top seed mill",
        creator=AUTHOR,
        lang="en",
        invariant=1,
    )
    template.build(story, onFirstPage=_foot, onLaterPages=_foot)


def _flowables(block: str, styles: dict[str, Any]) -> list[Any]:
    """What a block becomes on the page."""
    from reportlab.platypus import ListFlowable, ListItem, PageBreak, Paragraph

    lines = block.split("\n")
    match block[0]:
        case "#":
            heading = Paragraph(block.removeprefix("# "), styles["heading"])
            return [heading] if block.startswith("# 1 ") else [PageBreak(), heading]
        case "!":
            word, _, words = " ".join(lines).removeprefix("! ").partition(": ")
            return [Paragraph(f"<b>{word}:</b> {words}", styles["warning"])]
        case "-":
            entries = [ListItem(Paragraph(line.removeprefix("- "), styles["entry"])) for line in lines]
            return [ListFlowable(entries, bulletType="bullet", start="•", bulletFontSize=9, leftIndent=12)]
        case "|":
            return [_table([[cell.strip() for cell in line[1:].split("|")] for line in lines], styles)]
    return [Paragraph(" ".join(lines), styles["text"])]


def _table(rows: list[list[str]], styles: dict[str, Any]) -> Any:
    """A ruled table whose first row is its head."""
    from reportlab.lib import colors  # type: ignore[import-untyped]
    from reportlab.platypus import Paragraph, Table, TableStyle

    widths = {2: (165, 165), 3: (100, 130, 100)}[len(rows[0])]
    texts = [[f"<b>{cell}</b>" for cell in rows[0]], *rows[1:]]
    ruled = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8ece4")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    cells = [[Paragraph(text, styles["cell"]) for text in row] for row in texts]
    return Table(cells, colWidths=widths, style=ruled, spaceBefore=4, spaceAfter=8)


def _styles() -> dict[str, Any]:
    """Paragraph styles by use."""
    from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]
    from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]

    text = ParagraphStyle("text", fontName="Helvetica", fontSize=9.5, leading=13.5, spaceAfter=7)
    framed = {"borderColor": HexColor("#b3541e"), "borderWidth": 0.8, "borderPadding": 5}
    return {
        "text": text,
        "entry": ParagraphStyle("entry", parent=text, spaceAfter=3),
        "cell": ParagraphStyle("cell", parent=text, fontSize=8.5, leading=11, spaceAfter=0),
        "title": ParagraphStyle(
            "title", parent=text, fontName="Helvetica-Bold", fontSize=19, leading=25, spaceAfter=14
        ),
        "heading": ParagraphStyle("heading", parent=text, fontName="Helvetica-Bold", fontSize=13, leading=18),
        "warning": ParagraphStyle("warning", parent=text, spaceBefore=8, spaceAfter=15, **framed),
    }


def _foot(canvas: Any, template: Any) -> None:
    """The page number, centred."""
    canvas.setFont("Helvetica", 8)
    canvas.drawCentredString(template.pagesize[0] / 2, 24, str(canvas.getPageNumber()))


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".pdf"))
