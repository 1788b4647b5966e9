//! `tributary plugin inspect`: what a component is, asks for and comes from, before anything of it is run.
use super::{InspectArgs, REFUSED, read, signature};
use crate::client::text::{bytes, lines, pad, plain, width};
use crate::client::{Page, Style, write};
use crate::plugin_file::desk::Desk;
use serde_json::{Value, json};
use std::process::ExitCode;
use tributary_fleet::lock::{GrantKind, LockedGrants};
use tributary_fleet::trust::{TrustError, named};
use tributary_model::error::chain;
use tributary_runtime::Package;

/// Runs the command. Exit status 0: it is a plugin, and nothing speaks against it. 65: it is none, or would be refused.
pub fn run_inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let package = match Package::read(read(&args.file)?) {
        Ok(package) => package,
        Err(error) => {
            let why = chain(&error);
            if args.json {
                write(&format!("{:#}\n", json!({ "plugin": false, "refused": [why] })))?;
            } else {
                eprintln!("{}: {}", args.file.display(), plain(&why));
            }
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let desk = args.dir.as_deref().map(Desk::read).transpose()?;
    let seen = Seen::new(package, signature(&args.file)?, desk);
    if args.json {
        write(&format!("{:#}\n", seen.machine()))?;
    } else {
        let mut page = Page::new();
        seen.people(&mut page);
        write(&page.text)?;
    }
    Ok(if seen.refused().is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

/// What is known of its signature.
enum Signed {
    No,
    /// Whose key it names, and the words about it; whether it fits was not looked at, for want of the key.
    Unchecked(String, String),
    /// It fits, and who made it.
    By(String, String),
    Wrong(TrustError),
}

/// One thing that it asks for; `granted` where there is a lock to compare with.
struct Ask {
    kind: GrantKind,
    what: String,
    granted: Option<bool>,
}

struct Seen {
    package: Package,
    signed: Signed,
    desk: Option<Desk>,
    asks: Vec<Ask>,
    objections: Vec<TrustError>,
}

impl Seen {
    fn new(package: Package, signature: Option<String>, desk: Option<Desk>) -> Self {
        let signature = signature.as_deref();
        let signed = match (signature, &desk) {
            (None, _) => Signed::No,
            (Some(text), Some(desk)) => match desk.trust.verify(package.bytes(), Some(text)) {
                Ok(Some(signer)) => Signed::By(signer.to_string(), signer.comment),
                Ok(None) => Signed::No,
                Err(error) => Signed::Wrong(error),
            },
            (Some(text), None) => match named(text) {
                Ok((key, comment)) => Signed::Unchecked(key.to_string(), comment),
                Err(error) => Signed::Wrong(error),
            },
        };
        let objections = desk.as_ref().map(|desk| desk.trust.objections(&desk.lock, &package, signature));
        let locked = desk.as_ref().map(|desk| desk.lock.get(package.name()).map(|locked| &locked.grants));
        let asked = LockedGrants::asked(package.asks());
        let mut asks = Vec::new();
        for kind in GrantKind::ALL {
            for what in asked.of(kind) {
                let granted = locked.map(|grants| grants.is_some_and(|grants| grants.of(kind).contains(what)));
                asks.push(Ask { kind, what: what.clone(), granted });
            }
        }
        Self { package, signed, asks, objections: objections.unwrap_or_default(), desk }
    }

    /// Everything that speaks against it. A signature that cannot even be read does so without a desk.
    fn refused(&self) -> Vec<&TrustError> {
        match &self.signed {
            Signed::Wrong(error) if self.objections.is_empty() => vec![error],
            _ => self.objections.iter().collect(),
        }
    }

    fn people(&self, page: &mut Page) {
        let package = &self.package;
        let manifest = package.manifest();
        let name = page.styled(Style::Strong, &plain(&format!("{} {}", package.name(), package.version())));
        page.line(&format!("{name}  {}", package.kind().as_str()));
        if !manifest.description.is_empty() {
            page.line(&plain(&manifest.description));
        }
        page.line("");
        let mut row = |key: &str, value: String| {
            if !value.is_empty() {
                let key = page.styled(Style::Faint, &pad(key, 9));
                page.line(&format!("{key}  {}", plain(&value)));
            }
        };
        row("digest", format!("sha256:{}", package.digest()));
        row("signed", self.signed_words());
        row("lock", self.lock_words());
        row("contract", package.contract_version().to_owned());
        row("exports", short(package.exports()));
        row("imports", short(package.imports()));
        row("told of", manifest.happenings.join(", "));
        row("costs", costs(package));
        row("licence", manifest.licence.clone());
        let made: Vec<String> =
            package.producers().iter().map(|p| format!("{} {}", p.name, p.version).trim().to_owned()).collect();
        row("made with", made.join(", "));
        page.line("");
        self.asks(page);
        let refused = self.refused();
        if refused.is_empty() {
            return;
        }
        page.line("");
        let head =
            self.desk.as_ref().map_or_else(|| "Refused".to_owned(), |desk| format!("{} would refuse it", desk.shown));
        let head = page.styled(Style::Alarm, &plain(&head));
        page.line(&head);
        for error in refused {
            for (number, line) in lines(&error.to_string()).enumerate() {
                page.line(&format!("{}{line}", if number == 0 { "  " } else { "    " }));
            }
        }
    }

    fn asks(&self, page: &mut Page) {
        if self.asks.is_empty() {
            page.line("It asks for nothing.");
            return;
        }
        let head = page.styled(Style::Strong, "Asks for");
        page.line(&head);
        let widest = self.asks.iter().map(|ask| width(&ask.what)).max().unwrap_or(0).min(60);
        for ask in &self.asks {
            let mark = match ask.granted {
                Some(true) => page.styled(Style::Faint, "granted"),
                Some(false) => page.styled(Style::Alarm, "new"),
                None => String::new(),
            };
            page.line(&format!("  {}  {}  {mark}", pad(ask.kind.as_str(), 7), pad(&plain(&ask.what), widest)));
        }
    }

    fn signed_words(&self) -> String {
        match &self.signed {
            Signed::No => "no".into(),
            Signed::Unchecked(key, comment) => format!("key {key}, not checked (--dir DIR knows the keys); {comment}"),
            Signed::By(signer, comment) => format!("{signer}; {comment}"),
            Signed::Wrong(_) => "wrongly, see below".into(),
        }
    }

    fn lock_words(&self) -> String {
        let Some(desk) = &self.desk else { return String::new() };
        match desk.lock.get(self.package.name()) {
            None => "not in it".into(),
            Some(locked) if locked.digest == self.package.digest() => {
                format!("{}, this file; signer {}", locked.version, locked.signer)
            }
            Some(locked) => format!("{}, another file; signer {}", locked.version, locked.signer),
        }
    }

    fn machine(&self) -> Value {
        let package = &self.package;
        let manifest = package.manifest();
        let costs = package.costs();
        let signature = match &self.signed {
            Signed::No => json!({ "state": "none" }),
            Signed::Unchecked(key, comment) => json!({ "state": "unchecked", "key": key, "comment": comment }),
            Signed::By(signer, comment) => json!({ "state": "good", "signer": signer, "comment": comment }),
            Signed::Wrong(error) => json!({ "state": "wrong", "why": error.to_string() }),
        };
        let locked = self.desk.as_ref().and_then(|desk| desk.lock.get(package.name()));
        json!({
            "plugin": true,
            "name": package.name().as_str(),
            "version": package.version(),
            "kind": package.kind().as_str(),
            "description": manifest.description,
            "licence": manifest.licence,
            "digest": package.digest(),
            "signature": signature,
            "contract": package.contract_version(),
            "imports": package.imports(),
            "exports": package.exports(),
            "happenings": package.manifest().happenings,
            "asks": self.asks.iter().map(|ask| json!({
                "kind": ask.kind, "what": ask.what, "granted": ask.granted,
            })).collect::<Vec<_>>(),
            "costs": {
                "size": costs.size, "modules": costs.modules, "code": costs.code, "data": costs.data,
                "memories": costs.memories, "memory": costs.memory, "tables": costs.tables, "elements": costs.elements,
            },
            "producers": package.producers().iter().map(|producer| json!({
                "field": producer.field, "name": producer.name, "version": producer.version,
            })).collect::<Vec<_>>(),
            "locked": locked.map(|locked| json!({
                "version": locked.version, "digest": locked.digest, "signer": locked.signer.to_string(),
            })),
            "grants": locked.map(|locked| LockedGrants::asked(package.asks()).against(&locked.grants)),
            "refused": self.refused().iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

/// The contract's interfaces without package and version, which `contract` says; others in full.
fn short(names: &[String]) -> String {
    let one = |name: &String| {
        let inner = name.strip_prefix("tributary:plugin/").and_then(|name| name.split('@').next());
        inner.unwrap_or(name).to_owned()
    };
    let mut names: Vec<String> = names.iter().map(one).collect();
    names.sort_unstable();
    names.join(", ")
}

fn costs(package: &Package) -> String {
    let costs = package.costs();
    let modules = if costs.modules == 1 { "core module" } else { "core modules" };
    format!(
        "{}; {} {modules}, {} of code, {} of data; {} of memory at the start",
        bytes(costs.size as u64),
        costs.modules,
        bytes(costs.code),
        bytes(costs.data),
        bytes(costs.memory)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_of_the_contract_are_named_shortly_and_others_in_full() {
        let names = ["tributary:plugin/log@0.1.0".to_owned(), "wasi:io/streams@0.2.0".to_owned()];
        assert_eq!(short(&names), "log, wasi:io/streams@0.2.0");
    }
}
