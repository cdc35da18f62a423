//! Arguments → the window or the command line.

use clap::Parser as _;
use reelboard::cli::args::Args;
use reelboard::farm::TaskError;
use std::process::ExitCode;

/// Gives the memory of a freed model back to the system; glibc's allocator keeps most of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,wgpu=error,naga=error")).init();
    let args = Args::parse();
    let result = match args.command {
        Some(command) => reelboard::cli::run(command),
        None => window(args.project),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<reelboard::progress::Cancelled>() => {
            eprintln!("reelboard: cancelled");
            ExitCode::from(130)
        }
        Err(error) if matches!(error.downcast_ref(), Some(TaskError::Elsewhere(_))) => {
            eprintln!("reelboard: {error:#}");
            ExitCode::from(TaskError::ELSEWHERE_CODE)
        }
        Err(error) if error.is::<reelboard::cli::PausedRender>() => {
            eprintln!("reelboard: {error}");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("reelboard: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of standard output has gone, such as `head` when it has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(feature = "gui")]
fn window(project: Option<std::path::PathBuf>) -> anyhow::Result<()> {
    let project = project.map(std::path::absolute).transpose()?;
    reelboard::ui::run(reelboard::ui::Launch { project })
        .map_err(|error| anyhow::anyhow!("the window did not open: {error} (the command line works without a display)"))
}

#[cfg(not(feature = "gui"))]
fn window(_project: Option<std::path::PathBuf>) -> anyhow::Result<()> {
    anyhow::bail!("this build has no window; build it with the feature \"gui\", or see \"reelboard --help\"")
}
