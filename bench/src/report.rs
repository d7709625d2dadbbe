//! The table and the plot of all figures, and the page that keeps them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::figure::Figure;

const BEGIN: &str = "<!-- figures: written by `cargo bench -p vision-batch-bench` -->";
const END: &str = "<!-- end of figures -->";

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What this was measured on: processor, cores, system, date.
pub fn machine() -> String {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("an unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    format!(
        "{date}, {model}, {cores} cores that others used too, Linux {}",
        kernel.trim()
    )
}

/// The table in Markdown.
pub fn table(figures: &[Figure]) -> String {
    let mut table = String::from(
        "| | what | held against | measured | to reach | absolutely, here and then |\n|---|---|---|---|---|---|\n",
    );
    for figure in figures {
        let mark = match (figure.target.is_some(), figure.reaches()) {
            (false, _) => "",
            (true, true) => "✓",
            (true, false) => "✗",
        };
        writeln!(
            table,
            "| {mark} | {} | {} | {} | {} | {} |",
            figure.what,
            figure.against,
            figure.shown(),
            figure.wanted(),
            figure.detail
        )
        .unwrap();
    }
    table
}

/// The plot: what each figure takes of what it may.
pub fn plot(figures: &[Figure], machine: &str) -> String {
    const ROW: usize = 22;
    const LEFT: f64 = 490.0;
    const ONE: f64 = 260.0;
    /// Beyond this a bar is cut.
    const MOST: f64 = 1.75;
    let shown: Vec<(&Figure, f64)> = figures
        .iter()
        .filter_map(|figure| Some((figure, figure.share()?)))
        .collect();
    let height = 60 + ROW * shown.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1140 {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"1140\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"18\" font-size=\"14\" fill=\"#111\">How much of what it may take each figure takes: up to the line is good</text>\n\
         <text x=\"12\" y=\"35\" fill=\"#666\">{}</text>\n",
        escaped(machine)
    );
    for (row, (figure, share)) in shown.iter().enumerate() {
        let y = 48 + row * ROW;
        let width = share.min(MOST) * ONE;
        let colour = if figure.reaches() {
            "#2a7f62"
        } else {
            "#c0392b"
        };
        let cut = if *share > MOST { " …" } else { "" };
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#111\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"14\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#333\">{}{cut}</text>",
            LEFT - 8.0,
            y + 11,
            escaped(&figure.what),
            y,
            // Beside the line, which would cross it.
            LEFT + width.max(ONE) + 8.0,
            y + 11,
            escaped(&format!("{} (of {})", figure.shown(), figure.wanted())),
        )
        .unwrap();
    }
    writeln!(
        svg,
        "<line x1=\"{x}\" y1=\"42\" x2=\"{x}\" y2=\"{}\" stroke=\"#111\" stroke-dasharray=\"4 3\"/>\n</svg>",
        height - 10,
        x = LEFT + ONE
    )
    .unwrap();
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('`', "")
}

/// Puts table and plot where BENCHMARKS.md shows them.
///
/// # Errors
/// When the page cannot be read or written, or has lost the place of the table.
pub fn write(figures: &[Figure], machine: &str, took: std::time::Duration) -> std::io::Result<()> {
    let page = root().join("BENCHMARKS.md");
    let text = std::fs::read_to_string(&page)?;
    let lost = || std::io::Error::other("BENCHMARKS.md has no place for the table");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(lost)?;
    let (_, after) = rest.split_once(END).ok_or_else(lost)?;
    let text = format!(
        "{before}{BEGIN}\n\n{machine}; all of it in {} s.\n\n{}\n![what each figure takes of what it may](docs/benchmarks.svg)\n\n{END}{after}",
        took.as_secs(),
        table(figures),
    );
    std::fs::write(page, text)?;
    std::fs::write(root().join("docs/benchmarks.svg"), plot(figures, machine))
}
