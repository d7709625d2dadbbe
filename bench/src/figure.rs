//! One measured figure and what it has to reach.

/// Which side of the target is the good one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What, in a line.
    pub what: String,
    /// What it is held against; empty for a count.
    pub against: String,
    /// The figure.
    pub value: f64,
    /// Its unit: `×` for ratios.
    pub unit: &'static str,
    /// What it has to reach; absent: it is told for its own sake.
    pub target: Option<Target>,
    /// The absolute figures behind it: true of this machine at this time alone.
    pub detail: String,
}

impl Figure {
    /// A ratio of two measurements.
    pub fn ratio(what: &str, against: &str, value: f64, target: Target) -> Self {
        Self {
            what: what.to_owned(),
            against: against.to_owned(),
            value,
            unit: "×",
            target: Some(target),
            detail: String::new(),
        }
    }

    /// A count or an amount.
    pub fn count(what: &str, value: f64, unit: &'static str, target: Target) -> Self {
        Self {
            what: what.to_owned(),
            against: String::new(),
            value,
            unit,
            target: Some(target),
            detail: String::new(),
        }
    }

    /// With the absolute figures behind it.
    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Whether it reaches its target.
    pub fn reaches(&self) -> bool {
        match self.target {
            None => true,
            Some(Target::AtMost(most)) => self.value <= most,
            Some(Target::AtLeast(least)) => self.value >= least,
        }
    }

    /// How much of what is allowed it takes: up to 1 is good. Absent where the target is zero, or there is none.
    pub fn share(&self) -> Option<f64> {
        match self.target? {
            Target::AtMost(most) => (most > 0.0).then(|| self.value / most),
            Target::AtLeast(least) => (self.value > 0.0).then(|| least / self.value),
        }
    }

    /// The figure with its unit.
    pub fn shown(&self) -> String {
        let digits = match self.value.abs() {
            value if value == value.trunc() => 0,
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            _ => 2,
        };
        format!("{:.digits$} {}", self.value, self.unit)
            .trim_end()
            .to_owned()
    }

    /// The target with its unit.
    pub fn wanted(&self) -> String {
        match self.target {
            None => "—".to_owned(),
            Some(Target::AtMost(most)) => format!("≤ {most} {}", self.unit).trim_end().to_owned(),
            Some(Target::AtLeast(least)) => {
                format!("≥ {least} {}", self.unit).trim_end().to_owned()
            }
        }
    }
}

/// The middle of what was measured.
///
/// # Panics
/// Of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What `share` (0…1) of the values do not exceed.
///
/// # Panics
/// Of nothing.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[((last as f64 * share).round() as usize).min(last)]
}
