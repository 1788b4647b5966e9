//! `tributary plugin compat`: whether this host can run a component, and what it would need.
use super::{CompatArgs, REFUSED, read};
use crate::client::text::plain;
use crate::client::{Page, Style, write};
use serde_json::{Value, json};
use std::process::ExitCode;
use tributary_runtime::Contracts;
use tributary_runtime::package::{Compat, Standing, compat};

/// Runs the command. Exit status 0: this host runs it. 65: it does not.
pub fn run_compat(args: &CompatArgs) -> anyhow::Result<ExitCode> {
    let contracts = Contracts::default();
    let found = compat(read(&args.file)?, &contracts);
    if args.json {
        write(&format!("{:#}\n", machine(&found, &contracts)))?;
    } else {
        let mut page = Page::new();
        people(&mut page, &args.file.display().to_string(), &found);
        write(&page.text)?;
    }
    Ok(if found.fits() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn people(page: &mut Page, file: &str, found: &Compat) {
    let name = found.plugin.as_ref().map_or_else(|| file.to_owned(), |(name, version)| format!("{name} {version}"));
    let runs = if found.fits() { "runs here" } else { "does not run here" };
    let name = page.styled(Style::Strong, &plain(&name));
    page.line(&format!("{name}  {runs}"));
    for version in &found.versions {
        page.line(&format!("  {}", plain(&version.to_string())));
    }
    // What is as it should be is not worth a line.
    for seen in found.interfaces.iter().filter(|seen| seen.standing != Standing::Same) {
        page.line(&format!("  {}", plain(&seen.to_string())));
    }
    // The reader's fault is often the need itself; it is said once.
    let refused = found.refused.as_ref().map(ToString::to_string);
    let needs = found.needs.iter().map(ToString::to_string).filter(|need| refused.as_ref() != Some(need));
    for (number, words) in refused.iter().cloned().chain(needs).enumerate() {
        if number == 0 {
            page.line("");
        }
        let words = page.styled(Style::Alarm, &plain(&words));
        page.line(&words);
    }
}

fn machine(found: &Compat, contracts: &Contracts) -> Value {
    json!({
        "plugin": found.plugin.as_ref().map(|(name, _)| name),
        "version": found.plugin.as_ref().map(|(_, version)| version),
        "fits": found.fits(),
        "serves": contracts.versions(),
        "contracts": found.versions.iter().map(|found| json!({
            "version": found.version,
            "served_by": found.served.as_ref().ok(),
        })).collect::<Vec<_>>(),
        "interfaces": found.interfaces.iter().map(|seen| json!({
            "name": seen.name,
            "way": match seen.way {
                tributary_runtime::package::Way::Import => "import",
                tributary_runtime::package::Way::Export => "export",
            },
            "standing": seen.standing.to_string(),
        })).collect::<Vec<_>>(),
        "refused": found.refused.as_ref().map(ToString::to_string),
        "needs": found.needs.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
