#!/usr/bin/env python3
"""Makes the sample batch of `vbatchd demo` anew, beside this script: six drawn portraits and spoken words.

All of it is of our own making. Needs rsvg-convert, ImageMagick, webp, espeak-ng and ffmpeg, as Debian has them:

    apt-get install librsvg2-bin imagemagick webp espeak-ng ffmpeg

The results are committed and built into the server.
"""

import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INK = "#2b2430"


def face(skin, shade, blush, stubble=None):
    """Neck, ears and head around the origin: 300 wide, 405 high. `shade` is the skin in shadow."""
    outline = "M-150,-40 C-152,-165 -85,-202 0,-202 C85,-202 152,-165 150,-40 C150,100 104,206 0,206 C-104,206 -150,100 -150,-40Z"
    jaw = (
        f'<path d="M-149,20 C-120,60 -90,70 -62,72 Q0,48 62,72 C90,70 120,60 149,20 C138,110 84,206 0,206 C-84,206 -138,110 -149,20Z" fill="{stubble}"/>'
        if stubble
        else ""
    )
    return f"""
    <path d="M-62,120 L-62,262 Q0,330 62,262 L62,120Z" fill="{skin}"/>
    <path d="M-62,172 Q0,262 62,172 L62,214 Q0,282 -62,214Z" fill="{shade}"/>
    <ellipse cx="-150" cy="6" rx="27" ry="40" fill="{skin}"/><ellipse cx="150" cy="6" rx="27" ry="40" fill="{skin}"/>
    <path d="M-158,-12 q-14,16 0,38" stroke="{shade}" stroke-width="6" fill="none" stroke-linecap="round"/>
    <path d="M158,-12 q14,16 0,38" stroke="{shade}" stroke-width="6" fill="none" stroke-linecap="round"/>
    <clipPath id="head"><path d="{outline}"/></clipPath>
    <path d="{outline}" fill="{skin}"/>
    <g clip-path="url(#head)">
      <path d="M60,-210 C150,-120 140,120 30,215 L200,215 L200,-210Z" fill="{shade}" opacity=".34"/>
      <ellipse cx="-90" cy="64" rx="34" ry="22" fill="{blush}" opacity=".4"/>
      <ellipse cx="90" cy="64" rx="34" ry="22" fill="{blush}" opacity=".4"/>
      {jaw}
    </g>"""


def eyes(iris, lashes=False, happy=False):
    """Both eyes; `happy` closes them into arcs of a laugh."""
    if happy:
        return "".join(
            f'<path d="M{x - 28},-4 Q{x},-38 {x + 28},-4" stroke="{INK}" stroke-width="9" fill="none" stroke-linecap="round"/>'
            for x in (-60, 60)
        )
    parts = []
    for side, x in ((-1, -60), (1, 60)):
        parts.append(f"""
        <path d="M{x - 31},-6 Q{x},-42 {x + 31},-6 Q{x},20 {x - 31},-6Z" fill="#fffdfa"/>
        <clipPath id="eye{x + 60}"><path d="M{x - 31},-6 Q{x},-42 {x + 31},-6 Q{x},20 {x - 31},-6Z"/></clipPath>
        <g clip-path="url(#eye{x + 60})"><circle cx="{x}" cy="-9" r="17" fill="{iris}"/><circle cx="{x}" cy="-9" r="8.5" fill="#17131a"/>
        <circle cx="{x + 6}" cy="-15" r="5" fill="#fff"/></g>
        <path d="M{x - 33},-5 Q{x},-44 {x + 33},-5" stroke="{INK}" stroke-width="7" fill="none" stroke-linecap="round"/>""")
        if lashes:
            parts.append(f'<path d="M{x + side * 31},-8 l{side * 13},-11" stroke="{INK}" stroke-width="6" stroke-linecap="round"/>')
    return "".join(parts)


def brows(colour, width=10, lift=0):
    return "".join(
        f'<path d="M{x - side * 34},{-56 - lift} Q{x + side * 2},{-78 - lift} {x + side * 38},{-58 - lift}" stroke="{colour}" stroke-width="{width}" fill="none" stroke-linecap="round"/>'
        for side, x in ((-1, -60), (1, 60))
    )


def nose(shade):
    return f'<path d="M-4,2 Q-10,34 -20,48 Q-14,62 4,60 Q16,60 20,52" stroke="{shade}" stroke-width="8" fill="none" stroke-linecap="round" stroke-linejoin="round"/>'


def smile(lips, wide=50):
    """An open mouth in a smile, with teeth and tongue: a mouth that may well speak."""
    w = wide
    shape = f"M{-w},100 Q0,118 {w},100 Q{w - 6},160 0,162 Q{-w + 6},160 {-w},100Z"
    return f"""
    <clipPath id="mouth"><path d="{shape}"/></clipPath>
    <path d="{shape}" fill="#6d1f2d"/>
    <g clip-path="url(#mouth)"><ellipse cx="0" cy="164" rx="32" ry="22" fill="#d9646c"/>
    <path d="M{-w},92 H{w} V118 Q0,134 {-w},118Z" fill="#fffdf8"/></g>
    <path d="{shape}" fill="none" stroke="{lips}" stroke-width="8" stroke-linejoin="round"/>
    <path d="M{-w - 10},96 q6,-2 10,6" stroke="{lips}" stroke-width="6" fill="none" stroke-linecap="round"/>
    <path d="M{w + 10},96 q-6,-2 -10,6" stroke="{lips}" stroke-width="6" fill="none" stroke-linecap="round"/>"""


def lips(colour, dark):
    """Full lips, slightly open."""
    return f"""
    <path d="M-46,116 Q-22,98 -8,102 Q0,106 8,102 Q22,98 46,116 Q24,150 0,150 Q-24,150 -46,116Z" fill="{colour}"/>
    <path d="M-36,117 Q0,112 36,117 Q20,133 0,133 Q-20,133 -36,117Z" fill="{dark}"/>
    <path d="M-30,117 Q0,113 30,117 L26,122 Q0,125 -26,122Z" fill="#fffdf8"/>
    <path d="M-52,112 q5,0 8,5 M52,112 q-5,0 -8,5" stroke="{dark}" stroke-width="5" fill="none" stroke-linecap="round"/>"""


def shoulders(colour, dark, collar=""):
    return f"""
    <path d="M-62,222 C-150,252 -270,262 -316,372 C-346,446 -352,620 -352,900 L352,900 C352,620 346,446 316,372 C270,262 150,252 62,222 Q0,300 -62,222Z" fill="{colour}"/>
    <path d="M-206,496 q-14,110 -10,430" stroke="{dark}" stroke-width="10" fill="none" stroke-linecap="round"/>
    <path d="M206,496 q14,110 10,430" stroke="{dark}" stroke-width="10" fill="none" stroke-linecap="round"/>{collar}"""


def lin():
    """Long straight hair with a fringe, a mustard jumper, plants behind."""
    hair, light = "#2a2230", "#453a52"
    leaf = "".join(
        f'<g transform="translate({x},{y}) rotate({a}) scale({s})"><path d="M0,0 C-46,-70 -40,-170 0,-240 C40,-170 46,-70 0,0Z" fill="{c}"/><path d="M0,0 V-210" stroke="#ffffff" stroke-opacity=".25" stroke-width="5"/></g>'
        for x, y, a, s, c in [
            (70, 860, -24, 1.5, "#3c8f83"), (60, 900, 14, 1.25, "#59aa98"), (20, 760, 30, 1.0, "#74bda9"),
            (715, 880, 22, 1.5, "#3c8f83"), (730, 900, -14, 1.2, "#59aa98"), (760, 730, -34, 1.0, "#74bda9"),
        ]
    )
    return 768, 1024, f"""
    <rect width="768" height="1024" fill="#bfe3d8"/><circle cx="384" cy="400" r="330" fill="#d9f0e6"/>{leaf}
    <g transform="translate(384,430) scale(1.12)">
    <path d="M0,-248 C-170,-250 -206,-120 -204,20 C-202,180 -226,260 -214,420 Q-120,470 -60,400 L60,400 Q120,470 214,420 C226,260 202,180 204,20 C206,-120 170,-250 0,-248Z" fill="{hair}"/>
    {shoulders("#eab13c", "#c98f24", '<path d="M-70,232 Q0,334 70,232" stroke="#f3c668" stroke-width="46" fill="none" stroke-linecap="round"/><path d="M-66,240 l-10,16 M-36,266 l-8,22 M0,274 v24 M36,266 l8,22 M66,240 l10,16" stroke="#d9a23a" stroke-width="6" stroke-linecap="round"/>')}
    {face("#f6cfae", "#e2ab88", "#f08f86")}
    {eyes("#4a2c1d", lashes=True)}{brows(hair, 9)}{nose("#dc9f7c")}{smile("#c8525a", 46)}
    <path d="M-170,40 C-196,-150 -120,-240 0,-240 C120,-240 196,-150 170,40 C166,-20 150,-66 138,-92 Q70,-66 0,-78 Q-70,-66 -138,-92 C-150,-66 -166,-20 -170,40Z" fill="{hair}"/>
    <path d="M-118,-150 Q-70,-214 20,-212" stroke="{light}" stroke-width="16" fill="none" stroke-linecap="round"/>
    <path d="M-64,-84 q8,-46 -2,-80 M-8,-82 q10,-48 4,-92 M52,-82 q8,-44 0,-84" stroke="{light}" stroke-width="6" fill="none" stroke-linecap="round"/>
    <path d="M-178,-60 C-208,90 -204,260 -184,404 Q-142,330 -146,210 Q-136,70 -142,-70Z" fill="{hair}"/>
    <path d="M178,-60 C208,90 204,260 184,404 Q142,330 146,210 Q136,70 142,-70Z" fill="{hair}"/>
    </g>"""


def amara():
    """Natural curls, golden earrings, a white blouse, the sun behind."""
    hair, light = "#2c1b1a", "#4a2f2b"
    curls = "".join(
        f'<circle cx="{x}" cy="{y}" r="{r}" fill="{hair}"/>'
        for x, y, r in [
            (0, -216, 92), (-92, -200, 84), (92, -200, 84), (-166, -140, 82), (166, -140, 82), (-206, -56, 74), (206, -56, 74),
            (-208, 30, 62), (208, 30, 62), (-186, 96, 46), (186, 96, 46), (-44, -262, 60), (52, -260, 58), (-140, -228, 54), (144, -226, 54),
            (-232, -108, 48), (234, -108, 48), (0, -150, 150),
        ]
    )
    glints = "".join(
        f'<path d="M{x},{y} q{r},{-r} {2 * r},0" stroke="{light}" stroke-width="9" fill="none" stroke-linecap="round"/>'
        for x, y, r in [(-150, -216, 22), (-60, -262, 22), (40, -258, 22), (120, -216, 22), (-224, -110, 18), (188, -120, 18), (-226, -10, 15), (196, -10, 15), (-96, -186, 18), (70, -190, 18)]
    )
    return 896, 896, f"""
    <rect width="896" height="896" fill="#f58f6c"/><circle cx="448" cy="420" r="372" fill="#f9a97f"/><circle cx="448" cy="420" r="290" fill="#fcc48f"/>
    <g transform="translate(448,418) scale(1.02)">
    {curls}{glints}
    {shoulders("#fbf6ee", "#dfd5c6", '<path d="M-62,222 L-118,248 L-52,392 L0,306 L52,392 L118,248 L62,222 Q0,300 -62,222Z" fill="#ffffff"/><path d="M-118,248 L-52,392 L0,306 L52,392 L118,248" fill="none" stroke="#dfd5c6" stroke-width="7" stroke-linejoin="round"/><circle cx="0" cy="420" r="8" fill="#dfd5c6"/><circle cx="0" cy="480" r="8" fill="#dfd5c6"/>')}
    {face("#8d5a3c", "#6c4029", "#c0573f")}
    <path d="M-156,-30 C-160,-170 -84,-214 0,-214 C84,-214 160,-170 156,-30 Q132,-126 72,-146 Q0,-166 -72,-146 Q-132,-126 -156,-30Z" fill="{hair}"/>
    {eyes("#3a2115", lashes=True)}{brows("#24140f", 10, 2)}{nose("#643922")}{smile("#a83f4c", 56)}
    <circle cx="-156" cy="84" r="30" fill="none" stroke="#f6c945" stroke-width="10"/><circle cx="156" cy="84" r="30" fill="none" stroke="#f6c945" stroke-width="10"/>
    </g>"""


def diego():
    """Beard and round glasses, a green jacket, a city at dusk behind: a landscape shape."""
    hair = "#3b2a22"
    houses = "".join(
        f'<rect x="{x}" y="{720 - h}" width="{w}" height="{h}" fill="{c}"/>' + "".join(
            f'<rect x="{x + 16 + i * 34}" y="{720 - h + 22 + j * 46}" width="16" height="22" rx="3" fill="#ffd98a" opacity="{".9" if (i * 7 + j * 3 + x) % 4 else ".25"}"/>'
            for i in range((w - 16) // 34) for j in range((h - 30) // 46)
        )
        for x, w, h, c in [(0, 120, 330, "#51508c"), (110, 100, 220, "#45447d"), (200, 130, 400, "#5a5996"), (700, 120, 380, "#5a5996"), (810, 110, 250, "#45447d"), (905, 119, 340, "#51508c")]
    )
    glasses = "".join(f'<circle cx="{x}" cy="-8" r="48" fill="#ffffff" fill-opacity=".16" stroke="#2d2a33" stroke-width="8"/>' for x in (-60, 60))
    return 1024, 720, f"""
    <defs><linearGradient id="dusk" x2="0" y2="1"><stop offset="0" stop-color="#6f6bb5"/><stop offset=".6" stop-color="#c98bb3"/><stop offset="1" stop-color="#f6b58f"/></linearGradient></defs>
    <rect width="1024" height="720" fill="url(#dusk)"/><circle cx="770" cy="170" r="66" fill="#ffe3b0"/>{houses}
    <g transform="translate(512,334) scale(1.06)">
    {shoulders("#2f6b57", "#235343", '<path d="M-62,222 Q0,300 62,222 L84,236 Q40,360 0,420 Q-40,360 -84,236Z" fill="#f4efe6"/><path d="M-62,222 L-130,246 L-96,330 L-128,340 L-18,560 L-4,430 Q-70,330 -62,222Z M62,222 L130,246 L96,330 L128,340 L18,560 L4,430 Q70,330 62,222Z" fill="#3b8069"/>')}
    {face("#dca47c", "#bf8058", "#dd7d63", stubble=hair)}
    <path d="M-68,92 Q-40,70 0,84 Q40,70 68,92 Q40,104 0,98 Q-40,104 -68,92Z" fill="{hair}"/>
    {smile("#b5564f", 44)}
    <path d="M-70,94 Q-42,66 0,84 Q42,66 70,94 Q38,100 0,96 Q-38,100 -70,94Z" fill="#4a352a"/>
    {eyes("#5b3a1e")}{brows(hair, 13, 12)}{nose("#b7774f")}
    {glasses}<path d="M-14,-14 q14,-12 28,0 M-108,-14 l-40,-8 M108,-14 l40,-8" stroke="#2d2a33" stroke-width="8" fill="none" stroke-linecap="round"/>
    <path d="M-156,24 C-176,-90 -170,-150 -118,-196 C-70,-256 60,-268 116,-214 C176,-180 176,-90 156,24 C150,-20 144,-70 128,-104 Q60,-100 -6,-148 Q-60,-96 -126,-98 C-142,-66 -150,-20 -156,24Z" fill="{hair}"/>
    <path d="M-92,-176 Q-30,-232 60,-216" stroke="#5c4437" stroke-width="14" fill="none" stroke-linecap="round"/>
    </g>"""


def olaf():
    """White hair and moustache, laughing eyes, a knitted pullover, mountains behind."""
    hair, light = "#f2efe9", "#d8d3ca"
    knit = "".join(
        f'<path d="M{x},{y} l18,18 l18,-18" stroke="#f6ead8" stroke-width="8" fill="none" stroke-linecap="round" stroke-linejoin="round"/>'
        for y in (380, 470) for x in range(-270, 250, 54)
    )
    return 720, 960, f"""
    <rect width="720" height="960" fill="#a9d2ee"/><circle cx="150" cy="180" r="74" fill="#fff3c9"/>
    <path d="M-40,760 L190,400 L330,610 L520,320 L780,760Z" fill="#7fa9c9"/><path d="M190,400 L132,490 L176,476 L206,506 L250,490Z M520,320 L452,424 L504,404 L540,446 L596,432Z" fill="#f7fbff"/>
    <path d="M-40,980 V720 Q160,600 380,700 T780,680 V980Z" fill="#6a9c7c"/>
    <g transform="translate(360,430) scale(1.08)">
    {shoulders("#b23a48", "#8f2b38", f'{knit}<path d="M-70,232 Q0,334 70,232" stroke="#c9525f" stroke-width="46" fill="none" stroke-linecap="round"/><path d="M-66,240 l-10,16 M-36,266 l-8,22 M0,274 v24 M36,266 l8,22 M66,240 l10,16" stroke="#a33644" stroke-width="6" stroke-linecap="round"/>')}
    {face("#f3c9ae", "#dd9f85", "#ea7a72")}
    <path d="M-160,30 C-186,-60 -182,-150 -120,-190 C-122,-120 -140,-60 -150,34Z M160,30 C186,-60 182,-150 120,-190 C122,-120 140,-60 150,34Z" fill="{hair}"/>
    <path d="M-134,-112 C-160,-210 -60,-262 30,-246 C110,-244 160,-190 138,-104 C110,-160 60,-176 -10,-168 C-60,-166 -112,-150 -134,-112Z" fill="{hair}"/>
    <path d="M-96,-176 Q-30,-226 60,-212 M-60,-172 Q0,-198 74,-184" stroke="{light}" stroke-width="9" fill="none" stroke-linecap="round"/>
    <path d="M-46,-120 h92 M-34,-98 h68" stroke="#dd9f85" stroke-width="6" stroke-linecap="round"/>
    {eyes("#4d7ea8", happy=True)}{brows("#e9e5dd", 15, 2)}
    <path d="M-116,18 l-20,-8 M-114,32 l-22,4 M116,18 l20,-8 M114,32 l22,4" stroke="#dd9f85" stroke-width="6" stroke-linecap="round"/>
    {nose("#d08a70")}
    {smile("#c2625c", 54)}
    <path d="M0,84 C-26,64 -72,70 -100,112 C-66,116 -30,112 0,98 C30,112 66,116 100,112 C72,70 26,64 0,84Z" fill="{hair}" stroke="{light}" stroke-width="5" stroke-linejoin="round"/>
    </g>"""


def noor():
    """A violet headscarf, arches and stars behind."""
    scarf, fold, lightest = "#6a4fa3", "#533b86", "#8368bd"
    stars = "".join(f'<path transform="translate({x},{y}) scale({s})" d="M0,-14 L4,-4 L14,0 L4,4 L0,14 L-4,4 L-14,0 L-4,-4Z" fill="#ffe9b8"/>' for x, y, s in [(110, 130, 1.6), (220, 70, 1), (700, 90, 1.4), (800, 210, 1), (70, 300, 1), (640, 50, .8), (820, 360, 1.5), (130, 440, .9)])
    return 880, 880, f"""
    <rect width="880" height="880" fill="#274b74"/><path d="M150,880 V420 C150,210 320,100 440,40 C560,100 730,210 730,420 V880Z" fill="#3a6a9c"/>
    <path d="M206,880 V430 C206,250 350,150 440,104 C530,150 674,250 674,430 V880Z" fill="#5b8fbf"/>{stars}
    <g transform="translate(440,412) scale(1.03)">
    {shoulders("#e8d3c5", "#cdb3a2")}
    <path d="M0,-256 C-150,-258 -210,-150 -204,-10 C-200,110 -226,230 -270,330 Q-130,440 20,420 Q180,430 268,330 C226,230 200,110 204,-10 C210,-150 150,-258 0,-256Z" fill="{scarf}"/>
    {face("#e5b48c", "#c98d64", "#e27f6b")}
    {eyes("#3f5b3a", lashes=True)}{brows("#3a2620", 10)}{nose("#c08258")}{lips("#c4515f", "#8d2f40")}
    <path fill-rule="evenodd" d="M0,-256 C-150,-258 -210,-150 -204,-10 C-200,110 -226,230 -270,330 Q-130,440 20,420 Q180,430 268,330 C226,230 200,110 204,-10 C210,-150 150,-258 0,-256Z M0,-150 C84,-150 134,-110 134,-10 C134,96 76,196 0,196 C-76,196 -134,96 -134,-10 C-134,-110 -84,-150 0,-150Z" fill="{scarf}"/>
    <path d="M-134,-10 C-134,96 -76,196 0,196 C76,196 134,96 134,-10 C160,110 96,232 0,236 C-96,232 -160,110 -134,-10Z" fill="{fold}"/>
    <path d="M-150,40 C-120,220 60,250 214,240 C190,330 60,330 -40,300 C-120,270 -160,170 -150,40Z" fill="{lightest}"/>
    <path d="M-130,110 C-80,240 60,272 200,262" stroke="{scarf}" stroke-width="8" fill="none" stroke-linecap="round"/>
    <path d="M-120,-190 Q-60,-228 30,-226 M-168,-110 Q-186,-50 -180,20" stroke="{lightest}" stroke-width="12" fill="none" stroke-linecap="round"/>
    <path d="M-220,310 Q-120,380 0,384 M-180,260 Q-100,330 20,346" stroke="{fold}" stroke-width="9" fill="none" stroke-linecap="round"/>
    </g>"""


def wang_fang():
    """A bob with a side parting, a navy blazer, a paper lantern red behind."""
    hair, light = "#1f1b26", "#3d3650"
    return 800, 1000, f"""
    <rect width="800" height="1000" fill="#f6e3d3"/><circle cx="400" cy="430" r="320" fill="#e4574f"/>
    <circle cx="400" cy="430" r="284" fill="none" stroke="#f3a08f" stroke-width="6"/>
    <g fill="none" stroke="#e9b79f" stroke-width="8">{"".join(f'<path d="M{x - 60},{y} a60,60 0 0 1 120,0 M{x - 38},{y} a38,38 0 0 1 76,0 M{x - 16},{y} a16,16 0 0 1 32,0"/>' for x, y in [(60, 900), (180, 900), (620, 900), (740, 900), (0, 970), (120, 970), (680, 970), (800, 970), (60, 140), (740, 140)])}</g>
    <g transform="translate(400,440) scale(1.12)">
    <path d="M10,-246 C-150,-256 -212,-140 -206,10 C-202,100 -206,150 -190,196 Q-120,236 -60,200 L60,200 Q120,236 190,196 C206,150 202,100 206,10 C212,-140 160,-240 10,-246Z" fill="{hair}"/>
    {shoulders("#2b3a67", "#1f2b4f", '<path d="M-62,222 Q0,300 62,222 L90,240 L0,470 L-90,240Z" fill="#fdfaf5"/><path d="M-62,222 L-140,248 L-112,336 L-150,348 L0,600 L0,480 Q-76,340 -62,222Z M62,222 L140,248 L112,336 L150,348 L0,600 L0,480 Q76,340 62,222Z" fill="#3a4c82"/><circle cx="0" cy="330" r="13" fill="#f0d7a6"/><path d="M-58,236 Q-30,310 0,322 Q30,310 58,236" stroke="#e3c183" stroke-width="5" fill="none"/>')}
    {face("#fad7bb", "#e7b596", "#f29a92")}
    {eyes("#3b2417", lashes=True)}{brows("#2a222e", 9)}{nose("#e0a888")}{lips("#d6404c", "#8f2233")}
    <path d="M-174,150 C-214,-60 -180,-236 0,-244 C180,-250 214,-60 174,150 Q150,190 132,160 C152,60 152,-30 120,-96 C70,-96 -10,-110 -62,-172 C-84,-110 -122,-70 -142,-34 C-152,40 -148,100 -132,160 Q-150,190 -174,150Z" fill="{hair}"/>
    <path d="M-20,-206 C60,-214 120,-176 146,-100 M-112,-180 Q-150,-130 -160,-60" stroke="{light}" stroke-width="13" fill="none" stroke-linecap="round"/>
    <circle cx="-152" cy="76" r="9" fill="#fff6e6"/><circle cx="152" cy="76" r="9" fill="#fff6e6"/>
    </g>"""


PORTRAITS = {
    "portrait_01_lin.png": lin,
    "portrait_02_amara.png": amara,
    "portrait_03_diego.png": diego,
    "portrait_04_olaf.png": olaf,
    "portrait_05_noor.webp": noor,
    "王芳-正面照.jpg": wang_fang,
}


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def draw(name, portrait, work):
    width, height, content = portrait()
    svg, png = work / "portrait.svg", work / "portrait.png"
    svg.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{content}</svg>', encoding="utf-8")
    run("rsvg-convert", svg, "-o", png)
    target = HERE / name
    if target.suffix == ".png":
        # The drawings have few colours; a palette without dithering keeps their edges and shrinks the file.
        run("convert", png, "-alpha", "off", "+dither", "-colors", "256", "-strip", "-define", "png:compression-level=9", f"PNG8:{target}")
    elif target.suffix == ".webp":
        run("cwebp", "-quiet", "-q", "88", png, "-o", target)
    else:
        run("convert", png, "-alpha", "off", "-strip", "-quality", "88", target)


def speak(work):
    english, mandarin = work / "en.wav", work / "zh.wav"
    run("espeak-ng", "-v", "en-gb", "-s", "155", "-w", english, "Hello! One voice, many faces, all speaking at once.")
    # "大家好，让每张照片都开口说话。" The voice for characters spells many of them in English; pinyin it reads well.
    pinyin = "da4jia1 hao3, rang4 mei3 zhang1 zhao4pian4 dou1 kai1kou3 shuo1hua4."
    run("espeak-ng", "-v", "cmn-latn-pinyin", "-s", "150", "-w", mandarin, pinyin)
    run(
        "ffmpeg", "-loglevel", "error", "-y", "-i", english, "-i", mandarin, "-filter_complex",
        "[0]apad=pad_dur=0.3[a];[1]apad=pad_dur=0.3[b];[a][b]concat=n=2:v=0:a=1,loudnorm=I=-18:TP=-2",
        "-map_metadata", "-1", "-fflags", "+bitexact", "-ac", "1", "-ar", "24000", "-c:a", "libmp3lame", "-b:a", "56k", HERE / "speech.mp3",
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, portrait in PORTRAITS.items():
            draw(name, portrait, pathlib.Path(folder))
        speak(pathlib.Path(folder))
