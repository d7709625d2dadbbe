//! Owns the command line of the screen: how it is to look and behave where that is not left to the environment.

use clap::{Args, ValueEnum};

use crate::screen::Options;
use crate::state::{AmbiguousWidth, ColorDepth, Ground, Language};

/// A language of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LanguageArgument {
    /// English
    En,
    /// Chinese
    Zh,
}

impl LanguageArgument {
    /// As the screen knows it.
    #[must_use]
    pub const fn language(self) -> Language {
        match self {
            Self::En => Language::English,
            Self::Zh => Language::Chinese,
        }
    }
}

/// How many colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorArgument {
    /// Any
    Truecolor,
    /// The cube of 256
    #[value(name = "256")]
    Cube,
    /// The sixteen of the terminal's own palette
    #[value(name = "16")]
    Sixteen,
    /// None
    None,
}

/// Which ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeArgument {
    /// For light text on dark
    Dark,
    /// For dark text on light
    Light,
}

/// How wide ambiguous characters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WidthArgument {
    /// Ask the terminal, where it may matter
    Auto,
    /// One cell
    Narrow,
    /// Two cells
    Wide,
}

/// The screen.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Screen")]
pub struct Screen {
    /// Only look: nothing that changes or spends is offered
    #[arg(long)]
    pub read_only: bool,
    /// Colours; those of the environment when missing (NO_COLOR, COLORTERM, TERM)
    #[arg(long, value_enum, value_name = "COLORS")]
    pub color: Option<ColorArgument>,
    /// Colours for dark or for light ground
    #[arg(long, value_enum, value_name = "GROUND")]
    pub theme: Option<ThemeArgument>,
    /// Draw with ASCII symbols alone
    #[arg(long)]
    pub ascii: bool,
    /// Cells that characters of ambiguous width take in this terminal
    #[arg(long, value_enum, value_name = "WIDTH", default_value_t = WidthArgument::Auto)]
    pub ambiguous_width: WidthArgument,
    /// Ring when a batch of yours ends or fails (B switches)
    #[arg(long)]
    pub bell: bool,
    /// Let the mouse select and scroll (M switches)
    #[arg(long)]
    pub mouse: bool,
}

impl Screen {
    /// As the screen knows them.
    #[must_use]
    pub fn options(self, language: Option<LanguageArgument>) -> Options {
        Options {
            language: language.map(LanguageArgument::language),
            depth: self.color.map(|color| match color {
                ColorArgument::Truecolor => ColorDepth::TrueColor,
                ColorArgument::Cube => ColorDepth::Ansi256,
                ColorArgument::Sixteen => ColorDepth::Ansi16,
                ColorArgument::None => ColorDepth::None,
            }),
            ground: self.theme.map(|theme| match theme {
                ThemeArgument::Dark => Ground::Dark,
                ThemeArgument::Light => Ground::Light,
            }),
            ascii: self.ascii,
            ambiguous: match self.ambiguous_width {
                WidthArgument::Auto => None,
                WidthArgument::Narrow => Some(AmbiguousWidth::Narrow),
                WidthArgument::Wide => Some(AmbiguousWidth::Wide),
            },
            read_only: self.read_only,
            bell: self.bell,
            mouse: self.mouse,
        }
    }
}
