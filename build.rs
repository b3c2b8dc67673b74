//! Compiles the wire protocol's messages without needing `protoc` on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=assets/proto/net.proto");
    let descriptors = protox::compile(["assets/proto/net.proto"], ["assets/proto"])?;
    tonic_prost_build::configure()
        .build_transport(true)
        .compile_fds(descriptors)?;
    Ok(())
}
