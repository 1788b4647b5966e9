//! vCon (IETF draft-ietf-vcon-vcon-core), from 0.0.1 to 0.4.0.
//!
//! A reader must refuse a document whose `critical` (0.2 and 0.3: `must_support`) names an extension it does not know.
//! Names that changed are read in every form: `mimetype` became `mediatype`, `alg` with `signature` became `content_hash`,
//! `transfer-target` became `transfer_target`, `appended` became `amended`. What the draft requires but its own examples
//! leave out (`uuid`, `created_at`) is not required.
mod analysis;
mod dialog;
pub mod jose;
mod party;

use serde_json::Value;
use tributary_sdk::Rejection;

use crate::call::{Call, Direction, Who};
use crate::config::Config;
use crate::json::At;
use crate::people;
use party::Party;

/// Whether a JSON object is a vCon in its plain form.
pub fn is_vcon(document: &Value) -> bool {
    let has = |key: &str| document.get(key).is_some();
    has("vcon") || has("parties") || (has("uuid") && has("dialog"))
}

/// Read one.
///
/// # Errors
/// [`Rejection::Malformed`] with the place and what was expected there.
pub fn read(document: &Value, config: &Config) -> Result<Call, Rejection> {
    let top = At::top(document);
    top.object()?;
    if let Some(version) = top.get("vcon")
        && !version.text()?.starts_with("0.")
    {
        return Err(version.fault("a version from 0.0.1 to 0.4.0"));
    }
    extensions(&top, config)?;
    let uuid = top.get("uuid").map(|uuid| uuid_of(&uuid)).transpose()?;
    let created = top.maybe_time("created_at")?;
    top.maybe_time("updated_at")?;
    let mut call = Call { format: "vcon", id: uuid, ..Call::default() };
    call.subject = top.maybe_text("subject")?.map(str::to_owned);
    let mut parties: Vec<Party> =
        top.list("parties")?.iter().map(|party| Party::read(party, config)).collect::<Result<_, _>>()?;
    let dialogs: Vec<dialog::Dialog> = top
        .list("dialog")?
        .iter()
        .map(|dialog| dialog::Dialog::read(dialog, parties.len()))
        .collect::<Result<_, _>>()?;
    sides(&mut parties, &dialogs, config);
    call.start = dialogs.iter().map(|dialog| dialog.start).min().or(created);
    let start = call.start.unwrap_or_default();
    call.length = dialogs
        .iter()
        .filter_map(|dialog| (dialog.start - start).checked_add(dialog.length?))
        .max()
        .filter(|length| *length > 0);
    for dialog in &dialogs {
        dialog.tell(&mut call, &parties)?;
    }
    analysis::read(&top, &mut call, &dialogs, &parties, config)?;
    for attachment in top.list("attachments")? {
        attachment.object()?;
        if let Some(file) = dialog::body(&attachment)?.and_then(|body| body.file("attachment")) {
            call.files.push(file);
        }
        call.tell("attachment-url", attachment.maybe_text("url")?);
    }
    for (keys, attribute) in [(&["amended", "appended"][..], "amends"), (&["redacted"][..], "redacted-of")] {
        let Some(earlier) = top.any(keys) else { continue };
        earlier.object()?;
        if let Some(uuid) = earlier.get("uuid").map(|uuid| uuid_of(&uuid)).transpose()? {
            call.tell(attribute, Some(uuid.as_str()));
            call.earlier = call.earlier.or(Some(uuid));
        }
        call.tell("redaction", earlier.maybe_text("type")?);
    }
    people_of(&mut call, &parties, &dialogs);
    call.turns.sort_by_key(|turn| turn.start_ms);
    Ok(call)
}

/// Refuses what has to be understood and is not.
fn extensions(top: &At, config: &Config) -> Result<(), Rejection> {
    for name in top.list("extensions")? {
        name.text()?;
    }
    for key in ["critical", "must_support", "must-support"] {
        for name in top.list(key)? {
            let extension = name.text()?;
            if !config.vcon_extensions.iter().any(|known| known == extension) {
                let known = config.vcon_extensions.join(", ");
                return Err(Rejection::Malformed(format!(
                    "{}: the extension {extension:?} has to be understood, and is not known here (`vcon-extensions`: {known})",
                    name.path
                )));
            }
        }
    }
    Ok(())
}

/// A UUID in lower case.
fn uuid_of(at: &At) -> Result<String, Rejection> {
    let text = at.text()?.trim();
    let shape = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let sound = text.len() == 36 && text.bytes().enumerate().all(shape);
    if sound { Ok(text.to_lowercase()) } else { Err(at.fault("a UUID")) }
}

/// Settles who of the parties is the customer: by role and by the shop's own numbers; then whoever is opposite the shop;
/// then whoever began.
fn sides(parties: &mut [Party], dialogs: &[dialog::Dialog], config: &Config) {
    for party in parties.iter_mut().filter(|party| party.who == Who::Unknown) {
        if people::is_own(&party.handles, config) {
            party.who = Who::Agent;
        }
    }
    let has = |parties: &[Party], who| parties.iter().any(|party| party.who == who);
    if has(parties, Who::Customer) {
        if !has(parties, Who::Agent) && parties.len() == 2 {
            parties.iter_mut().filter(|party| party.who == Who::Unknown).for_each(|party| party.who = Who::Agent);
        }
        return;
    }
    if has(parties, Who::Agent) {
        parties.iter_mut().filter(|party| party.who == Who::Unknown).for_each(|party| party.who = Who::Customer);
        return;
    }
    let first = dialogs.iter().find_map(dialog::Dialog::originator).unwrap_or(0);
    for (index, party) in parties.iter_mut().enumerate() {
        party.who = if index == first { Who::Customer } else { Who::Agent };
    }
}

/// The customer, and who called whom.
fn people_of(call: &mut Call, parties: &[Party], dialogs: &[dialog::Dialog]) {
    let customers = || parties.iter().filter(|party| party.who == Who::Customer);
    call.customer = customers().flat_map(|party| party.handles.clone()).collect();
    // Two customers on one call are not one person.
    if customers().count() > 1 {
        call.customer =
            customers().find(|party| !party.handles.is_empty()).map(|party| party.handles.clone()).unwrap_or_default();
    }
    call.customer_name = customers().find_map(|party| party.name.clone());
    let originator = dialogs.iter().find_map(dialog::Dialog::originator).and_then(|index| parties.get(index));
    call.direction = originator.map(|party| match party.who {
        Who::Customer => Direction::Inbound,
        _ => Direction::Outbound,
    });
    let names: Vec<String> = parties.iter().filter_map(Party::shown).collect();
    call.tell("parties", (!names.is_empty()).then(|| names.join(", ")));
}
