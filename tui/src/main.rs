//! The program `vbatch`.

fn main() {}
