//! The command line of Portcullis.

mod args;
mod commands;
mod failure;
mod json;
mod out;
mod pages;
mod remote;
mod rows;
mod signals;
mod target;
mod telemetry;
mod terminal;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::begin(&cli.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::other(format!("cannot start: {error}")).report(),
    };
    let ended = runtime.block_on(async {
        // These end by themselves when they are told to, with all that they have begun.
        let ends_itself = match &cli.command {
            Command::Serve(_) => true,
            Command::Execute(arguments) => arguments.streams(),
            _ => false,
        };
        if ends_itself {
            return run(cli.command).await;
        }
        tokio::select! {
            ended = run(cli.command) => ended,
            // The call is dropped, and that is written down.
            signal = signals::interrupted() => Err(failure::Failure::interrupted(signal)),
        }
    });
    // What still waits for a server that does not answer is not waited for.
    runtime.shutdown_background();
    telemetry::end();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), failure::Failure> {
    match command {
        Command::Demo => commands::demo::run().await,
        Command::Execute(arguments) => commands::execute::run(arguments.untangle()).await,
        Command::Test(arguments) => commands::survey::test(&arguments.target()).await,
        Command::Structure(arguments) => commands::survey::structure(arguments).await,
        Command::Serve(arguments) => commands::serve::run(arguments).await,
        Command::Token(arguments) => commands::token::run(&arguments),
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments).await,
        Command::Iam(arguments) => commands::iam::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments).await,
        Command::Actions(arguments) => commands::actions::run(&arguments),
        Command::Component(arguments) => commands::component::run(&arguments),
        Command::Completions(arguments) => commands::manual::completions(&arguments),
        Command::Man(arguments) => commands::manual::man(&arguments),
    }
}
