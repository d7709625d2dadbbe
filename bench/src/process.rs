//! Processor time and memory, as Linux counts them.

use std::fs::read_to_string;
use std::time::Duration;

/// Linux counts a process's time in hundredths of a second, whatever the machine (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Time that this thread has been on a processor: what others do meanwhile is not in it.
///
/// # Panics
/// Where there is no `/proc`.
pub fn thread_time() -> Duration {
    let text = read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What `work` took of this thread.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = thread_time();
    let done = work();
    (done, thread_time() - before)
}

/// User and system time of a process, its threads that have ended included.
///
/// # Panics
/// When it is gone.
pub fn process_time(id: u32) -> Duration {
    let text = read_to_string(format!("/proc/{id}/stat")).unwrap();
    // The program's name, in parentheses, may have spaces.
    let after_name = text.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// Bytes of memory that a process has now.
///
/// # Panics
/// When it is gone.
pub fn resident(id: u32) -> u64 {
    status(id, "VmRSS:")
}

/// The most bytes of memory that it ever had.
///
/// # Panics
/// When it is gone.
pub fn peak(id: u32) -> u64 {
    status(id, "VmHWM:")
}

fn status(id: u32, name: &str) -> u64 {
    let text = read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}
