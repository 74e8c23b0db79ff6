//! Compiles the contract without a system `protoc`: descriptors for reflection and transcoding, and typed code.

use std::{env, fs, io, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = proto_files(PathBuf::from("mission"))?;
    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    tonic_prost_build::configure()
        .bytes(".mission.event")
        // A stand-in in a test implements what the test is about. That the product implements every RPC is shown by
        // the journey test that calls each of them.
        .generate_default_stubs(true)
        .extern_path(".google.api", "crate::google::api")
        .compile_fds(compiler.file_descriptor_set())?;
    println!("cargo:rerun-if-changed=mission");
    println!("cargo:rerun-if-changed=google");
    Ok(())
}

fn proto_files(dir: PathBuf) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(proto_files(path)?);
        } else if path.extension().is_some_and(|e| e == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
