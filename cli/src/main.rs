//! The command line of Portcullis.

mod allocator;
mod args;
mod call_words;
mod commands;
mod compiler;
mod completeness;
mod core_dumps;
mod described;
mod dry_run;
mod environment;
mod failure;
mod implied;
mod json;
mod out;
mod pages;
mod print_rows;
mod remote;
mod remote_tls;
mod rows;
mod signals;
mod target;
mod telemetry;
mod terminal;
mod verbose;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::map_large_buffers();
    if let Some(ended) = compiler::run_if_asked() {
        return ended;
    }
    core_dumps::forbid();
    let cli = Cli::parse();
    if let Err(failure) = telemetry::start(&cli.command) {
        return failure.report();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::other(format!("cannot start threads: {error}")).report(),
    };
    let result = runtime.block_on(async {
        // These commands handle signals themselves, and finish what they have started.
        let handles_signals = match &cli.command {
            Command::Serve(_) => true,
            Command::Demo(demo) => demo.open,
            Command::Execute(arguments) => arguments.streams_pages(),
            _ => false,
        };
        if handles_signals {
            return run(cli.command).await;
        }
        tokio::select! {
            result = run(cli.command) => result,
            // This drops the call, and a dropped call is recorded in the audit.
            signal = signals::interrupted() => Err(Failure::interrupted(signal)),
        }
    });
    // Tasks are dropped, and with them the process that fetches credentials is ended. Threads that
    // are blocked, for example by a server that does not respond, are not waited for.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    telemetry::shut_down();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(demo) if demo.open => commands::demo_open::run().await,
        Command::Demo(_) => commands::demo::run().await,
        Command::Execute(arguments) => commands::execute::run(arguments).await,
        Command::Test(arguments) => commands::test::run(&arguments.into_target()).await,
        Command::Structure(arguments) => commands::structure::run(arguments).await,
        Command::Serve(arguments) => commands::serve::run(arguments).await,
        Command::Token(arguments) => commands::token::run(&arguments),
        Command::Store(arguments) => commands::store::run(&arguments.what),
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments).await,
        Command::Iam(arguments) => commands::iam::run(&arguments),
        Command::Inspect(arguments) => commands::inspect::run(&arguments).await,
        Command::Actions(arguments) => commands::actions::run(&arguments),
        Command::Component(arguments) => commands::component::run(&arguments),
        Command::Completions(arguments) => commands::completions::run(&arguments),
        Command::Man(arguments) => commands::man::run(&arguments),
    }
}
