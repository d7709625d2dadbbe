//! Compiles `proto/` with protox (no protoc needed) into clients, servers and one descriptor set.

use std::path::PathBuf;
use std::{env, error::Error, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");

    let mut protos: Vec<PathBuf> = fs::read_dir("proto/visionbatch/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    protos.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "proto")
    });
    protos.sort();

    let descriptors = protox::compile(&protos, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("visionbatch.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".visionbatch.v1")
        .compile_fds(descriptors)?;
    Ok(())
}
