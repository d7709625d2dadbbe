//! Measures everything, shows the table, and puts table and plot where BENCHMARKS.md shows them.
//!
//! `cargo bench -p vision-batch-bench` for all of it; `cargo bench -p vision-batch-bench -- lists screen` for some, which
//! writes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a command that tells what it measures"
)]

use std::time::Instant;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use vbatch_bench::figure::Figure;
use vbatch_bench::{
    child, commits, fill, idle, lists, memory, previews, profile, report, screen, slots, start,
    turns, uploads, watchers,
};

/// Of the measurements that say so.
const MANY: u64 = 1_000_000;
const FEW: u64 = 1_000;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// Lists and the start, which share the million.
fn million(wanted: &dyn Fn(&str) -> bool) -> Vec<Figure> {
    let (many, few, empty) = (
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    let fill =
        |folder: &TempDir, count| runtime().block_on(fill::data_directory(folder.path(), count));
    let begun = Instant::now();
    let owner = fill(&many, MANY);
    println!(
        "  {MANY} batches made in {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    let mut figures = Vec::new();
    if wanted("lists") {
        let fewer = fill(&few, FEW);
        figures.extend(lists::figures(
            (many.path(), owner, MANY as usize),
            (few.path(), fewer, FEW as usize),
        ));
    }
    if wanted("start") {
        let nobody = fill(&empty, 0);
        figures.extend(start::figures(many.path(), empty.path(), owner, nobody));
    }
    figures
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if runtime().block_on(child::play(&arguments)) {
        return;
    }
    let begun = Instant::now();
    let machine = report::machine();
    println!("{machine}");
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|word| word == name);
    let mut figures = Vec::new();
    let mut run = |names: &[&str], measure: &dyn Fn() -> Vec<Figure>| {
        if !names.iter().any(|name| wanted(name)) {
            return;
        }
        let begun = Instant::now();
        println!("{} …", names.join(", "));
        let new = measure();
        println!(
            "{}  {:.0} s",
            report::table(&new),
            begun.elapsed().as_secs_f64()
        );
        figures.extend(new);
    };
    run(&["profile"], &|| runtime().block_on(profile::figures()));
    run(&["commits"], &|| runtime().block_on(commits::figures()));
    run(&["lists", "start"], &|| million(&wanted));
    run(&["watchers"], &|| runtime().block_on(watchers::figures()));
    run(&["memory"], &|| runtime().block_on(memory::figures()));
    run(&["uploads"], &|| runtime().block_on(uploads::figures()));
    run(&["slots"], &slots::figures);
    run(&["turns"], &turns::figures);
    run(&["previews"], &previews::figures);
    run(&["screen"], &screen::figures);
    run(&["idle"], &idle::figures);
    let missed = figures.iter().filter(|figure| !figure.reaches()).count();
    println!("{} figures, {missed} miss their targets", figures.len());
    if arguments.is_empty() {
        report::write(&figures, &machine, begun.elapsed()).unwrap();
    }
}
