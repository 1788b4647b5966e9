//! The demo's second half: a newer version of a policy, refused as long as nobody signed it, then put in use and taken back
//! while the daemon serves.
use std::path::Path;

use anyhow::{Context, Result};

use super::desk::Desk;
use super::heading;

/// The plugin that gets a newer version.
const PLUGIN: &str = "policy-routing";

/// Sign, install, look, go back.
pub fn show(desk: &Desk, root: &Path) -> Result<()> {
    let file = newer(root, desk.beside("policy-routing-0.2.0.wasm"))?;
    heading("a newer version of a policy is dropped in; nobody signed it");
    desk.show_refusal(&["plugin", "install", &file])?;

    heading("its author has a key, and the desk trusts it");
    let key = desk.beside("author");
    let key = key.to_str().context("the folder's name is text")?;
    desk.show_alone(&["plugin", "keygen", "--no-password", "--out", key])?;
    desk.show_alone(&["plugin", "sign", &file, "--key", &format!("{key}.key")])?;
    let public = std::fs::read_to_string(format!("{key}.pub")).context("keygen wrote no public key")?;
    let public = public.lines().nth(1).context("a .pub file has two lines")?;
    println!("   Those two lines go into tributary.toml, and the daemon reads it again (HUP).");
    desk.configure(&format!("\n[plugins.signers]\nauthor = \"{public}\"\n"))?;

    heading("now it acts, and the version before stands by in case it fails");
    desk.show(&["plugin", "install", &file])?;
    desk.show(&["plugin", "list"])?;

    heading("and back again");
    desk.show(&["plugin", "rollback", PLUGIN])
}

/// The bundled component under another version: a custom section in front of a component is read before those inside it.
fn newer(root: &Path, to: std::path::PathBuf) -> Result<String> {
    let name = format!("{PLUGIN}.wasm");
    let component = std::fs::read(root.join("target/plugins").join(&name)).with_context(|| format!("no {name}"))?;
    let manifest = std::fs::read_to_string(root.join("plugins").join(PLUGIN).join("plugin.toml"))?;
    let manifest = manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\"");
    let (header, rest) = component.split_at_checked(8).context("a component has a header")?;
    let mut newer = header.to_vec();
    crate::plugins::append(&mut newer, "tributary:plugin", manifest.as_bytes());
    newer.extend_from_slice(rest);
    std::fs::write(&to, newer).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(to.to_str().context("the folder's name is text")?.to_owned())
}
