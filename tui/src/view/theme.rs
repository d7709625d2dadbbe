//! Owns [`Theme`]: which style each role of a text has, on every kind of terminal.
//!
//! Invariant: colour alone never says anything; each state also has a symbol and a word.

use ratatui::style::{Color, Modifier, Style};

use crate::state::{ColorDepth, Ground, Look};

/// What a text is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Plain text.
    Text,
    /// What matters most in its place.
    Strong,
    /// What is read second.
    Dim,
    /// Rules and tracks.
    Faint,
    /// Titles, keys, what the cursor is on.
    Accent,
    /// The bar at the head and foot.
    Bar,
    /// What is read second on the bar.
    BarDim,
    /// Column titles.
    Column,
    /// The row under the cursor.
    Selection,
    /// A text field that is not being typed in.
    Field,
    /// The text field that is being typed in.
    FieldActive,
    Good,
    Busy,
    Warn,
    Bad,
    /// The filled part of a progress bar, and the rest.
    BarFill,
    BarGood,
    BarBad,
    BarTrack,
    /// The ground of a window over the screen.
    Window,
    /// Letters that a filter means.
    Match,
}

/// Colours of one ground, as red, green, blue.
struct Palette {
    dim: u32,
    faint: u32,
    accent: u32,
    bar: u32,
    selection: u32,
    field: u32,
    good: u32,
    busy: u32,
    warn: u32,
    bad: u32,
    fill: u32,
    fill_good: u32,
    fill_bad: u32,
    track: u32,
    window: u32,
    /// The text on bars, fields and windows, whose ground is ours.
    ink: u32,
}

const DARK: Palette = Palette {
    dim: 0x8b_96a8,
    faint: 0x4a_5567,
    accent: 0x7c_c7d8,
    bar: 0x1d_2735,
    selection: 0x2a_3b50,
    field: 0x22_2d3b,
    good: 0x8f_cc8f,
    busy: 0x82_b5f2,
    warn: 0xe6_bb6a,
    bad: 0xf0_8a85,
    fill: 0x2c_65a3,
    fill_good: 0x2a_6b2c,
    fill_bad: 0x84_2c2c,
    track: 0x2b_3442,
    window: 0x18_202b,
    ink: 0xdf_e5ee,
};

const LIGHT: Palette = Palette {
    dim: 0x5b_6777,
    faint: 0xaa_b4c1,
    accent: 0x0b_6a80,
    bar: 0xe2_e8f0,
    selection: 0xcf_e0f3,
    field: 0xea_eef3,
    good: 0x2a_7530,
    busy: 0x1a_5aa5,
    warn: 0x8c_5a00,
    bad: 0xb0_2620,
    fill: 0x9c_c1ec,
    fill_good: 0xa6_d7ab,
    fill_bad: 0xec_b0ab,
    track: 0xdc_e2ea,
    window: 0xf4_f6f9,
    ink: 0x1b_2430,
};

/// The styles of a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    look: Look,
}

impl Theme {
    pub(crate) const fn new(look: Look) -> Self {
        Self { look }
    }

    /// Whether grounds can be coloured, so that a bar needs no letters.
    pub(crate) fn has_grounds(&self) -> bool {
        matches!(self.look.depth, ColorDepth::Ansi256 | ColorDepth::TrueColor)
    }

    /// Any colour, as near as the terminal has it.
    pub(crate) fn color(&self, [red, green, blue]: [u8; 3]) -> Color {
        let color = u32::from_be_bytes([0, red, green, blue]);
        match self.look.depth {
            ColorDepth::TrueColor => rgb(color),
            ColorDepth::Ansi256 => indexed(color),
            ColorDepth::None | ColorDepth::Ansi16 => Color::Reset,
        }
    }

    pub(crate) fn style(&self, role: Role) -> Style {
        match self.look.depth {
            ColorDepth::None => plain(role),
            ColorDepth::Ansi16 => sixteen(role, self.look.ground),
            ColorDepth::Ansi256 => full(role, self.look.ground, indexed),
            ColorDepth::TrueColor => full(role, self.look.ground, rgb),
        }
    }
}

fn full(role: Role, ground: Ground, color: fn(u32) -> Color) -> Style {
    let palette = match ground {
        Ground::Dark => &DARK,
        Ground::Light => &LIGHT,
    };
    let text = Style::new();
    let fg = |it: u32| Style::new().fg(color(it));
    let inked = |it: u32| fg(palette.ink).bg(color(it));
    match role {
        Role::Text => text,
        Role::Strong => text.add_modifier(Modifier::BOLD),
        Role::Dim | Role::Column => fg(palette.dim),
        Role::Faint => fg(palette.faint),
        Role::Accent => fg(palette.accent).add_modifier(Modifier::BOLD),
        Role::Bar => inked(palette.bar),
        Role::BarDim => fg(palette.dim).bg(color(palette.bar)),
        // With a colour of its own, so that it can be read on whatever ground the terminal really has.
        Role::Selection => inked(palette.selection),
        Role::Field => inked(palette.field),
        Role::FieldActive => inked(palette.selection),
        Role::Good => fg(palette.good),
        Role::Busy => fg(palette.busy),
        Role::Warn => fg(palette.warn),
        Role::Bad => fg(palette.bad),
        Role::BarFill => inked(palette.fill),
        Role::BarGood => inked(palette.fill_good),
        Role::BarBad => inked(palette.fill_bad),
        Role::BarTrack => inked(palette.track),
        Role::Window => inked(palette.window),
        Role::Match => fg(palette.warn).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
    }
}

fn sixteen(role: Role, ground: Ground) -> Style {
    let text = Style::new();
    // The bright colours are the readable ones on dark, the others on light; grounds are chosen so that both stay so.
    let pick = |on_dark: Color, on_light: Color| match ground {
        Ground::Dark => on_dark,
        Ground::Light => on_light,
    };
    let bar = pick(Color::DarkGray, Color::Gray);
    let ink = pick(Color::White, Color::Black);
    let dim = pick(Color::Gray, Color::DarkGray);
    match role {
        Role::Text | Role::Field | Role::Window => text,
        Role::Strong => text.add_modifier(Modifier::BOLD),
        Role::Dim | Role::Column => text.fg(dim),
        Role::Faint | Role::BarTrack => text.fg(pick(Color::DarkGray, Color::Gray)),
        Role::Accent => text
            .fg(pick(Color::LightCyan, Color::Blue))
            .add_modifier(Modifier::BOLD),
        Role::Bar | Role::BarDim => text.fg(ink).bg(bar),
        Role::Selection => text.fg(ink).bg(pick(Color::Blue, Color::Gray)),
        Role::FieldActive => text.add_modifier(Modifier::UNDERLINED),
        Role::Good | Role::BarGood => text.fg(pick(Color::LightGreen, Color::Green)),
        Role::Busy | Role::BarFill => text.fg(pick(Color::LightCyan, Color::Blue)),
        Role::Warn => text.fg(pick(Color::LightYellow, Color::Magenta)),
        Role::Match => text
            .fg(pick(Color::LightYellow, Color::Magenta))
            .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::Bad | Role::BarBad => text.fg(pick(Color::LightRed, Color::Red)),
    }
}

fn plain(role: Role) -> Style {
    let text = Style::new();
    match role {
        Role::Strong | Role::Accent | Role::Warn | Role::Bad => text.add_modifier(Modifier::BOLD),
        Role::Bar | Role::BarDim | Role::Selection => text.add_modifier(Modifier::REVERSED),
        Role::Match => text.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::Column | Role::FieldActive => text.add_modifier(Modifier::UNDERLINED),
        _ => text,
    }
}

fn rgb(color: u32) -> Color {
    Color::from_u32(color)
}

/// The nearest of the 6×6×6 cube and the 24 greys.
fn indexed(color: u32) -> Color {
    const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let [_, red, green, blue] = color.to_be_bytes().map(i32::from);
    let nearest = |value: i32| {
        let mut best = 0;
        for (index, step) in STEPS.iter().enumerate() {
            if (step - value).abs() < (STEPS[best] - value).abs() {
                best = index;
            }
        }
        best
    };
    let (r, g, b) = (nearest(red), nearest(green), nearest(blue));
    let distance = |other: [i32; 3]| {
        let [r, g, b] = other;
        (r - red).pow(2) + (g - green).pow(2) + (b - blue).pow(2)
    };
    let cube = distance([STEPS[r], STEPS[g], STEPS[b]]);
    let grey = ((red + green + blue) / 3 - 3).clamp(0, 230) / 10;
    let level = 8 + 10 * grey;
    let index = if distance([level; 3]) < cube {
        232 + grey
    } else {
        16 + i32::try_from(36 * r + 6 * g + b).unwrap_or(0)
    };
    Color::Indexed(u8::try_from(index).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_find_their_neighbours() {
        assert_eq!(indexed(0x00_0000), Color::Indexed(16));
        assert_eq!(indexed(0xff_ffff), Color::Indexed(231));
        assert_eq!(indexed(0xff_0000), Color::Indexed(196));
        assert_eq!(indexed(0x12_1212), Color::Indexed(233));
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let look = Look {
            depth: ColorDepth::None,
            ..Look::default()
        };
        for role in [
            Role::Bar,
            Role::Selection,
            Role::Good,
            Role::Bad,
            Role::BarFill,
            Role::Window,
            Role::Accent,
        ] {
            let style = Theme::new(look).style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }
}
