//! One connection to one origin. There is no task behind it: whoever waits for an answer drives it, and one that nobody
//! waits for rests, so that a call that ends, however it ends, takes all it began with it.
use super::request::{GrantedRequest, is_hop_by_hop, named};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header;
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tributary_model::message::{Attribute, Response};

/// Bytes of a response's head at most.
const HEAD: usize = 64 << 10;
/// Fields of a response at most.
const FIELDS: usize = 100;

/// TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Driver = http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>;

/// A connection, new or kept.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// None once it ended.
    driver: Option<Pin<Box<Driver>>>,
}

/// Why there was no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not a byte of the request left.
    Unsent(hyper::Error),
    /// The connection broke before the answer was there.
    Broken(hyper::Error),
    /// The answer is larger than this.
    TooLarge(u64),
}

impl Connection {
    pub async fn new(stream: Box<dyn Stream>) -> Result<Self, hyper::Error> {
        let (sender, driver) = http1::Builder::new()
            .max_header_size(HEAD)
            .max_headers(FIELDS)
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Sends a request and waits for all of the answer, whose body may have `most` bytes.
    pub async fn exchange(&mut self, request: &GrantedRequest, most: u64) -> Result<Response, Failure> {
        let Self { sender, driver } = self;
        let answer = async {
            let sent = sender.try_send_request(request.to_http()).await;
            let (head, body) =
                sent.map_err(|mut error| failure(error.take_message().is_some(), error.into_error()))?.into_parts();
            Ok(response(head, read(body, most).await?))
        };
        let mut answer = pin!(answer);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(answer);
            }
            if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
                *driver = None;
            }
            // What was read meanwhile; a connection that is gone answers here with its error.
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// Whether another request may go over it: looks once at what came in meanwhile, such as its end.
    pub async fn is_open(&mut self) -> bool {
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
                *driver = None;
            }
            Poll::Ready(())
        })
        .await;
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn failure(unsent: bool, error: hyper::Error) -> Failure {
    match error {
        _ if unsent => Failure::Unsent(error),
        _ if error.is_parse_too_large() => Failure::TooLarge(HEAD as u64),
        _ => Failure::Broken(error),
    }
}

/// Reads a body, and stops where it becomes too large.
async fn read(mut body: Incoming, most: u64) -> Result<Vec<u8>, Failure> {
    if body.size_hint().lower() > most {
        return Err(Failure::TooLarge(most));
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(false, error))?;
        // Trailers are dropped, as the contract has no place for them.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() as u64 + data.len() as u64 > most {
            return Err(Failure::TooLarge(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// The answer without what belongs to the connection.
fn response(head: Parts, body: Vec<u8>) -> Response {
    let named = named(head.headers.get_all(header::CONNECTION).iter().map(|value| value.as_bytes()));
    let fields = head.headers.iter().filter(|(name, _)| !is_hop_by_hop(name, &named));
    let headers = fields
        .map(|(name, value)| Attribute {
            name: name.as_str().into(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        })
        .collect();
    Response { status: head.status.as_u16(), headers, body }
}
