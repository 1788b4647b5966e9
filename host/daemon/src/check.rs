//! `tributary check`: everything that is wrong, at once.
use crate::cli::block_on;
use crate::config::reader::Fault;
use crate::config::{Config, FILE, Folder};
use crate::{plugins, wire};
use std::path::Path;
use std::process::ExitCode;
use tributary_model::error::chain;
use tributary_runtime::Runtime;

/// EX_USAGE of sysexits: the configuration is wrong.
pub const BAD_CONFIGURATION: u8 = 64;

/// Runs the command.
pub fn run(dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let faults = block_on(async { Ok(faults(dir).await) })?;
    if json {
        println!("{}", serde_json::json!({ "ok": faults.is_empty(), "faults": faults }));
    } else if faults.is_empty() {
        println!("{}: nothing is wrong", dir.display());
    } else {
        report(&faults);
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BAD_CONFIGURATION) })
}

/// One line a fault, to standard error.
pub fn report(faults: &[Fault]) {
    for fault in faults {
        eprintln!("{fault}");
    }
    let s = if faults.len() == 1 { "" } else { "s" };
    eprintln!("{} fault{s}; nothing was started", faults.len());
}

async fn faults(dir: &Path) -> Vec<Fault> {
    let config = match Config::read(dir) {
        Ok(config) => config,
        Err(faults) => return faults,
    };
    let folder = Folder(dir.into());
    let mut faults = Vec::new();
    if let Err(error) = wire::probe_store(&config, &folder) {
        let file = folder.data().display().to_string();
        faults.push(Fault { file, line: None, key: String::new(), what: chain(&error) });
    }
    let runtime = wire::no_services(&folder)
        .and_then(|services| Ok(Runtime::new(wire::runtime_config(&config, None), services)?));
    match runtime {
        Ok(runtime) => {
            let errors = tributary_fleet::check(&config.fleet, &config.places, &runtime).await;
            faults.append(&mut plugins::faults(&config, &errors));
        }
        Err(error) => {
            faults.push(Fault { file: FILE.into(), line: None, key: "plugins".into(), what: format!("{error:#}") });
        }
    }
    faults
}
