//! Why a call is refused, and how the script is told: a status, and JSON with a word for programs and a sentence for people.
use crate::token::TokenError;
use std::fmt;
use tributary_sdk::host::log;
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Response;

/// Why a call is refused. Nothing of it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The page that calls is none of the shop's.
    Origin,
    /// The visitor's token is not taken.
    Token(TokenError),
    /// Visitors need a token of the shop.
    Anonymous,
    /// There is nothing under this path, or not for this visitor.
    NotFound,
    /// Not with this method.
    Method,
    /// The body or a header is not what was expected.
    Malformed(&'static str),
    /// A text without letters, or beyond so many bytes.
    Text(u32),
    /// Nobody is there, and there is no way to answer.
    Contact,
    /// No such mail address or phone number: which of them.
    Address(&'static str),
    /// A file beyond so many bytes.
    FileSize(u32),
    /// A file of a kind that is not taken.
    FileType,
    /// Too many within a minute: seconds to wait.
    Rate(u32),
    /// The host does not keep what it is given: its words, for the operator.
    Unavailable(String),
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Self::Origin | Self::Anonymous | Self::Token(TokenError::Origin) => 403,
            Self::Token(TokenError::NoKey(_)) | Self::Unavailable(_) => 503,
            Self::Token(_) => 401,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Malformed(_) => 400,
            Self::FileSize(_) => 413,
            Self::FileType => 415,
            Self::Text(_) | Self::Contact | Self::Address(_) => 422,
            Self::Rate(_) => 429,
        }
    }

    /// The word for programs.
    fn code(&self) -> &'static str {
        match self {
            Self::Origin | Self::Token(TokenError::Origin) => "origin",
            Self::Token(TokenError::Expired) => "expired",
            Self::Token(TokenError::NoKey(_)) | Self::Unavailable(_) => "unavailable",
            Self::Token(_) => "token",
            Self::Anonymous => "anonymous",
            Self::NotFound => "not-found",
            Self::Method => "method",
            Self::Malformed(_) => "malformed",
            Self::Text(_) => "text",
            Self::Contact => "contact",
            Self::Address(which) => which,
            Self::FileSize(_) => "file-size",
            Self::FileType => "file-type",
            Self::Rate(_) => "rate",
        }
    }

    /// The answer.
    pub fn answer(&self) -> Response {
        if let Self::Unavailable(words) = self {
            log::error(&format!("a call was refused: {words}"));
        }
        if let Self::Token(error @ TokenError::NoKey(_)) = self {
            log::error(&format!("a call was refused: {error}"));
        }
        let body = serde_json::json!({ "error": self.code(), "message": self.to_string() });
        let mut answer = Response::body(self.status(), "application/json", body.to_string());
        match self {
            Self::Rate(seconds) => answer.headers.push(Attribute::new("retry-after", seconds.to_string())),
            Self::Token(_) if answer.status == 401 => {
                answer.headers.push(Attribute::new("www-authenticate", "Bearer"));
            }
            _ => {}
        }
        answer
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin => f.write_str("the page's origin is not among `origins`"),
            // What is wrong with the operator's secret is not the visitor's affair.
            Self::Token(TokenError::NoKey(_)) | Self::Unavailable(_) => f.write_str("not now; try again"),
            Self::Token(error) => error.fmt(f),
            Self::Anonymous => f.write_str("a token of the shop is needed"),
            Self::NotFound => f.write_str("there is no such thing"),
            Self::Method => f.write_str("not with this method"),
            Self::Malformed(expected) => write!(f, "expected {expected}"),
            Self::Text(limit) => write!(f, "expected a text of 1 to {limit} bytes"),
            Self::Contact => f.write_str("expected a mail address or a phone number to answer to"),
            Self::Address(which) => write!(f, "that is no {which}"),
            Self::FileSize(limit) => write!(f, "expected a file of 1 to {limit} bytes"),
            Self::FileType => f.write_str("files of this kind are not taken"),
            Self::Rate(seconds) => write!(f, "too many; try again in {seconds} s"),
        }
    }
}

impl From<tributary_sdk::host::secrets::SecretError> for Refusal {
    fn from(error: tributary_sdk::host::secrets::SecretError) -> Self {
        Self::Token(TokenError::NoKey(error))
    }
}

impl From<tributary_sdk::host::state::StateError> for Refusal {
    fn from(error: tributary_sdk::host::state::StateError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<tributary_sdk::host::feed::FeedError> for Refusal {
    fn from(error: tributary_sdk::host::feed::FeedError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
