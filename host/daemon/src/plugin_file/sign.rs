//! `tributary plugin keygen`, `sign` and `push`: what the author of a plugin does with it. Keys and signatures are
//! minisign's: its own command reads and writes the same files.
use super::{KeygenArgs, PushArgs, SignArgs, beside, read, signature};
use crate::cli::block_on;
use crate::client::write;
use anyhow::{Context, bail};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use data_encoding::BASE64;
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tributary_fleet::oci::Oci;
use tributary_fleet::trust::{KeyId, public_key};
use tributary_runtime::Package;

/// Makes a pair of keys. Nothing that is there is overwritten.
pub fn run_keygen(args: &KeygenArgs) -> anyhow::Result<ExitCode> {
    let (secret, public) = (with(&args.out, ".key"), with(&args.out, ".pub"));
    for path in [&secret, &public] {
        if path.exists() {
            bail!("{} is there already; a key is never overwritten", path.display());
        }
    }
    let pair = if args.no_password {
        KeyPair::generate_unencrypted_keypair().context("no key could be made")?
    } else {
        KeyPair::generate_encrypted_keypair(None)
            .context("no password could be asked for; --no-password does without")?
    };
    let id = id(&pair.sk);
    let text =
        pair.sk.to_box(Some(&format!("secret key {id}, made by tributary"))).context("the key cannot be written")?;
    create(&secret, 0o600, &text.into_string())?;
    let text = pair.pk.to_box().context("the key cannot be written")?.into_string();
    create(&public, 0o644, &text)?;
    let name = args.out.file_name().map_or_else(|| "author".into(), |name| name.to_string_lossy());
    let quoted = toml::Value::String(name.into_owned()).to_string();
    write(&format!(
        "{}  the secret key {id}: who has it can sign\n{}  the public key\n\nWho trusts it writes in tributary.toml:\n\n\
         [plugins.signers]\n{quoted} = \"{}\"\n",
        secret.display(),
        public.display(),
        public_key(&text)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Signs a component, after a look at whether it is a plugin at all.
pub fn run_sign(args: &SignArgs) -> anyhow::Result<ExitCode> {
    let package = Package::read(read(&args.file)?).with_context(|| args.file.display().to_string())?;
    let key = secret_key(&args.key)?;
    let file = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let comment = args.comment.clone().unwrap_or_else(|| {
        let at = jiff::Timestamp::now().as_second();
        format!("timestamp:{at}\tfile:{file}\tversion:{}\thashed", package.version())
    });
    if comment.contains(['\n', '\r']) {
        bail!("--comment is one line");
    }
    let id = id(&key);
    let bytes = package.bytes().as_ref();
    let words = format!("signature of {} {} by key {id}", package.name(), package.version());
    let signed = minisign::sign(None, &key, bytes, Some(&comment), Some(&words)).context("it cannot be signed")?;
    let path = beside(&args.file);
    let new = with(&path, ".new");
    std::fs::write(&new, signed.into_string()).with_context(|| format!("cannot write {}", new.display()))?;
    std::fs::rename(&new, &path).with_context(|| format!("cannot write {}", path.display()))?;
    write(&format!("{}  {} {} signed by key {id}\n", path.display(), package.name(), package.version()))?;
    Ok(ExitCode::SUCCESS)
}

/// Hands a component and its signature to a registry; prints the address that always means this package.
pub fn run_push(args: &PushArgs) -> anyhow::Result<ExitCode> {
    let package = Package::read(read(&args.file)?).with_context(|| args.file.display().to_string())?;
    let signature = signature(&args.file)?;
    let address = block_on(async { Ok(Oci::default().push(&args.to, &package, signature.as_deref()).await?) })?;
    let signed = if signature.is_some() { "with its signature" } else { "unsigned" };
    write(&format!("{address}  {} {}, {signed}\n", package.name(), package.version()))?;
    Ok(ExitCode::SUCCESS)
}

/// A key from its file. A password is asked for where there is one.
fn secret_key(path: &Path) -> anyhow::Result<SecretKey> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = encoded(&text).with_context(|| format!("{} is not a secret key of minisign", path.display()))?;
    let key = match bytes.get(DERIVED) {
        Some([0, 0]) => {
            SecretKeyBox::from_string(&with_checksum(bytes)).and_then(SecretKeyBox::into_unencrypted_secret_key)
        }
        _ => SecretKeyBox::from_string(&text).and_then(|text| text.into_secret_key(None)),
    };
    key.with_context(|| format!("the key in {} cannot be used", path.display()))
}

/// Where a secret key says how its password becomes a key; zeros where it has none.
const DERIVED: Range<usize> = 2..4;
/// Where it has its id and the key itself.
const KEY: Range<usize> = 54..126;
/// Where it has BLAKE2b-256 of its kind and of [`KEY`].
const CHECKSUM: Range<usize> = 126..158;

fn encoded(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.lines().nth(1)?.trim().as_bytes()).ok()?;
    (bytes.len() == CHECKSUM.end && bytes.starts_with(b"Ed")).then_some(bytes)
}

/// `minisign -G -W` leaves the checksum out, and the crate wants it: a key without one gets it.
fn with_checksum(mut bytes: Vec<u8>) -> String {
    if bytes[CHECKSUM].iter().all(|byte| *byte == 0) {
        let sum = Blake2b::<U32>::new().chain_update(&bytes[..2]).chain_update(&bytes[KEY]).finalize();
        bytes[CHECKSUM].copy_from_slice(&sum);
    }
    format!("untrusted comment: secret key\n{}\n", BASE64.encode(&bytes))
}

fn id(key: &SecretKey) -> KeyId {
    KeyId(key.keynum().try_into().map_or(0, u64::from_le_bytes))
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn create(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}
