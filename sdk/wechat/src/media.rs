//! Files: to the platform by `media/upload`, which gives an id for a while, and from it by `media/get`.
//!
//! State: `upload/KIND/BLOB`.
use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};
use tributary_sdk::host::blobs::{self, BlobError};
use tributary_sdk::types::Attachment;
use tributary_sdk::web::{Request, Response};

use crate::api::{Api, Failure, once};
use crate::keep::{self, StoreError};

/// What the platform calls a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture.
    Image,
    /// A recording.
    Voice,
    /// A film.
    Video,
    /// Any other file. Customer service only.
    File,
}

impl Kind {
    /// The platform's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::File => "file",
        }
    }
}

/// A file as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name the platform gave, or one made of the id.
    pub name: String,
    /// RFC 6838 media type.
    pub media_type: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// The bytes of a file that the host holds.
///
/// # Errors
/// [`Failure::Host`]; [`Failure::Refused`] where there is no such file any more.
pub fn bytes(file: &Attachment) -> Result<Vec<u8>, Failure> {
    blobs::get(&file.blob).map_err(|error| match error {
        BlobError::Unavailable(words) => Failure::Host(words),
        BlobError::TooLarge(limit) => Failure::Refused(45001, format!("the host allows {limit} bytes")),
        BlobError::Unknown(_) => Failure::Refused(44001, "the host does not have it any more".into()),
    })
}

/// Uploads a file once and gives its id, the same one within `valid` seconds.
///
/// # Errors
/// [`Failure`].
pub fn upload(api: &Api, kind: Kind, file: &Attachment, valid: u32) -> Result<String, Failure> {
    let key = uploaded(kind, file);
    if let Some(id) = keep::get::<String>(&key)? {
        return Ok(id);
    }
    let (content_type, body) = multipart(&file.name, &file.media_type, &bytes(file)?);
    let answer = api.upload("media/upload", &[("type", kind.word())], &content_type, &body)?;
    let id = answer["media_id"].as_str().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Failure::Strange("the platform's answer holds no media_id".into(), None))?;
    keep::set(&key, &id, Some(valid))?;
    Ok(id.to_owned())
}

/// Forgets the id of a file that the platform does not accept any more.
///
/// # Errors
/// [`StoreError`].
pub fn forget(kind: Kind, file: &Attachment) -> Result<(), StoreError> {
    keep::delete(&uploaded(kind, file))
}

fn uploaded(kind: Kind, file: &Attachment) -> String {
    keep::key(&format!("upload/{}", kind.word()), &file.blob)
}

/// A form of one file, in the field `media` (RFC 7578): its media type, its bytes.
fn multipart(name: &str, media_type: &str, data: &[u8]) -> (String, Vec<u8>) {
    // Of the content, so that the same file is the same call; with 160 bits of it, it is in no file.
    let boundary = format!("tributary-{}", HEXLOWER.encode(&Sha1::digest(data)));
    let plain = |text: &str| text.chars().filter(|sign| !sign.is_control() && *sign != '"').collect::<String>();
    let (name, media_type) = (plain(name), plain(media_type));
    let name = if name.is_empty() { "file" } else { name.as_str() };
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"{name}\"; filelength={}\r\n\
         Content-Type: {media_type}\r\n\r\n",
        data.len()
    );
    let body = [head.as_bytes(), data, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// Fetches a file by its id. A film of an official account is answered by an address, which is followed where it is at
/// `films`, an origin.
///
/// # Errors
/// [`Failure`].
pub fn download(api: &Api, id: &str, films: Option<&str>) -> Result<File, Failure> {
    let response = api.fetch("media/get", &[("media_id", id)])?;
    let Some(origin) = films else { return file(id, response) };
    let value: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
    match value.as_ref().and_then(|value| value["video_url"].as_str()) {
        Some(address) => follow(address, origin, id),
        None => file(id, response),
    }
}

/// Fetches a file from an address that the platform gave, where it is at this origin; the origin's scheme counts.
///
/// # Errors
/// [`Failure`]; [`Failure::Refused`] with 40007 where it is elsewhere.
pub fn follow(address: &str, origin: &str, id: &str) -> Result<File, Failure> {
    let host = |url: &str| url.split_once("://").map(|(_, rest)| rest.to_owned());
    let origin = origin.trim_end_matches('/');
    let path = host(address).zip(host(origin)).and_then(|(address, origin)| {
        address.strip_prefix(&origin).filter(|path| path.starts_with(['/', '?'])).map(str::to_owned)
    });
    let path = path.ok_or_else(|| {
        let place: String =
            host(address).unwrap_or_default().chars().take_while(|sign| *sign != '/').take(80).collect();
        Failure::Refused(crate::code::MEDIA, format!("the file is at {place}, and {origin} was expected"))
    })?;
    let request =
        Request { method: "GET".into(), url: format!("{origin}{path}"), headers: Vec::new(), body: Vec::new() };
    file(id, once(&request)?)
}

/// What an answer holds.
fn file(id: &str, response: Response) -> Result<File, Failure> {
    let said = response.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let said = said.to_ascii_lowercase();
    if said == "text/html" {
        return Err(Failure::Strange("the platform answered with a page where a file was expected".into(), None));
    }
    let disposition = response.header("content-disposition").unwrap_or_default();
    let given = disposition.split(';').filter_map(|part| part.trim().split_once('='));
    let given =
        given.filter(|(name, _)| name.eq_ignore_ascii_case("filename")).map(|(_, value)| value.trim_matches('"'));
    let given = given.filter_map(|name| name.rsplit(['/', '\\']).next()).find(|name| !name.is_empty());
    let media_type = match (known(&response.body), said.as_str()) {
        (Some(known), "" | "application/octet-stream" | "text/plain") => known.to_owned(),
        (None, "") => "application/octet-stream".into(),
        _ => said,
    };
    let ending = match media_type.as_str() {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "audio/amr" => ".amr",
        "audio/silk" => ".silk",
        "audio/mpeg" | "audio/mp3" => ".mp3",
        "video/mp4" | "video/mpeg4" => ".mp4",
        _ => "",
    };
    let name = given.map_or_else(|| format!("{}{ending}", id.chars().take(64).collect::<String>()), str::to_owned);
    Ok(File { name, media_type, data: response.body })
}

/// What the first bytes say.
fn known(data: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 6] = [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG", "image/png"),
        (b"GIF8", "image/gif"),
        (b"#!AMR", "audio/amr"),
        (b"\x02#!SILK", "audio/silk"),
        (b"ID3", "audio/mpeg"),
    ];
    let beginning = BEGINNINGS.iter().find(|(bytes, _)| data.starts_with(bytes)).map(|(_, kind)| *kind);
    beginning.or_else(|| (data.get(4..8) == Some(b"ftyp")).then_some("video/mp4"))
}
