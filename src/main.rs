//! A doorbell: reads the command line and calls the library.

use std::process::ExitCode;

use mission_control::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::read();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => match runtime.block_on(cli.run()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("mission-control: {error:#}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("mission-control: cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
