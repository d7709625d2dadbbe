//! What a video costs.

use std::time::Duration;

use super::batch::EngineKind;
use super::user::Credits;

/// The price list, from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pricing {
    /// A credit buys this much audio of a paid video; absent: one credit a video, whatever its length.
    pub seconds_per_credit: Option<u32>,
}

impl Pricing {
    /// Credits for one video of that engine and length.
    pub fn credits_per_item(&self, engine: EngineKind, audio: Duration) -> Credits {
        match (engine, self.seconds_per_credit) {
            (EngineKind::Preview, _) => 0,
            (EngineKind::LightX2v, None | Some(0)) => 1,
            (EngineKind::LightX2v, Some(seconds)) => {
                let credits = audio.as_millis().div_ceil(u128::from(seconds) * 1000);
                Credits::try_from(credits.max(1)).unwrap_or(Credits::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_span_is_a_whole_credit() {
        let pricing = Pricing {
            seconds_per_credit: Some(30),
        };
        for (millis, credits) in [(1, 1), (30_000, 1), (30_001, 2), (48_000, 2), (600_000, 20)] {
            let audio = Duration::from_millis(millis);
            assert_eq!(
                pricing.credits_per_item(EngineKind::LightX2v, audio),
                credits,
                "{millis}"
            );
            assert_eq!(pricing.credits_per_item(EngineKind::Preview, audio), 0);
            assert_eq!(
                Pricing::default().credits_per_item(EngineKind::LightX2v, audio),
                1
            );
        }
    }
}
