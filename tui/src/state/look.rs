//! Owns [`Look`]: how the screen is to look, decided once at the start and by a key for the language.

/// The language of everything that is ours to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// From a tag (`zh`, `zh-CN`) or a locale (`zh_CN.UTF-8`); anything but Chinese is English.
    #[must_use]
    pub fn from_tag(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") {
            Self::Chinese
        } else {
            Self::English
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }
}

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorDepth {
    /// None: bold and reversed only.
    None,
    /// The sixteen of the terminal's own palette.
    Ansi16,
    /// The cube of 256.
    #[default]
    Ansi256,
    /// Any.
    TrueColor,
}

/// The ground the colours are chosen for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ground {
    /// Light text on dark.
    #[default]
    Dark,
    /// Dark text on light.
    Light,
}

impl Ground {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }
}

/// Which symbols may be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SymbolSet {
    /// Only characters that are one cell wide in every terminal, Chinese ones included.
    #[default]
    Safe,
    /// ASCII alone.
    Ascii,
}

/// How wide characters are that are one cell or two, depending on the terminal. Ours never are such; names may have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmbiguousWidth {
    /// One cell.
    #[default]
    Narrow,
    /// Two cells.
    Wide,
}

/// How the screen is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The language.
    pub language: Language,
    /// How many colours.
    pub depth: ColorDepth,
    /// Dark or light.
    pub ground: Ground,
    /// Which symbols.
    pub symbols: SymbolSet,
    /// How wide ambiguous characters are.
    pub ambiguous: AmbiguousWidth,
}

impl Look {
    /// As the environment says: `NO_COLOR`, `COLORTERM`, `TERM`, `COLORFGBG`, and `LC_ALL`, `LC_MESSAGES`, `LANG`.
    /// `variable` looks one up; an empty one counts as absent.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(get)
            .unwrap_or_default();
        let charset = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(get)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let term = get("TERM").unwrap_or_default();
        let depth = if get("NO_COLOR").is_some() || term == "dumb" {
            ColorDepth::None
        } else if get("COLORTERM").is_some_and(|it| it == "truecolor" || it == "24bit") {
            ColorDepth::TrueColor
        } else if term.contains("256color") {
            ColorDepth::Ansi256
        } else {
            ColorDepth::Ansi16
        };
        // The last part of COLORFGBG is the background; 7 and 15 are the light ones.
        let ground = match get("COLORFGBG")
            .as_deref()
            .and_then(|it| it.rsplit(';').next())
        {
            Some("7" | "15") => Ground::Light,
            _ => Ground::Dark,
        };
        let utf8 = charset.contains("utf-8") || charset.contains("utf8");
        let symbols = if term == "linux" || !utf8 {
            SymbolSet::Ascii
        } else {
            SymbolSet::Safe
        };
        Self {
            language: Language::from_tag(&locale),
            depth,
            ground,
            symbols,
            ambiguous: AmbiguousWidth::Narrow,
        }
    }
}

/// Whether the locale is one in which terminals may draw ambiguous characters two cells wide.
pub(crate) fn is_cjk(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .unwrap_or_default();
    ["zh", "ja", "ko"]
        .iter()
        .any(|language| locale.starts_with(language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(variables: &[(&str, &str)]) -> Look {
        Look::from_environment(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn no_color_wins_over_every_terminal() {
        let colours = [("COLORTERM", "truecolor"), ("TERM", "xterm-256color")];
        assert_eq!(look(&colours).depth, ColorDepth::TrueColor);
        assert_eq!(look(&colours[1..]).depth, ColorDepth::Ansi256);
        assert_eq!(look(&[("TERM", "xterm")]).depth, ColorDepth::Ansi16);
        let without = [("NO_COLOR", "1"), ("COLORTERM", "truecolor")];
        assert_eq!(look(&without).depth, ColorDepth::None);
        assert_eq!(
            look(&[("NO_COLOR", ""), colours[0]]).depth,
            ColorDepth::TrueColor
        );
    }

    #[test]
    fn the_locale_chooses_language_and_symbols() {
        let chinese = look(&[("LANG", "zh_CN.UTF-8"), ("TERM", "xterm")]);
        assert_eq!(chinese.language, Language::Chinese);
        assert_eq!(chinese.symbols, SymbolSet::Safe);
        let plain = look(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]);
        assert_eq!(plain.language, Language::English);
        assert_eq!(plain.symbols, SymbolSet::Ascii);
    }
}
