//! `http`: egress to the origins that the operator granted, no others. The wait is not billed as guest time. A replayed
//! call sends nothing.
use crate::bindings::tributary::plugin::http::{self as wit, Host, HttpError};
use crate::bindings::tributary::plugin::types::AttributeResult as WitAttribute;
use crate::egress::GrantedRequest;
use crate::record::{Heard, NOT_ON_TAPE, Service, put_fields};
use crate::services::EgressError;
use crate::state::CallState;
use std::time::Duration;
use tributary_model::message::{Attribute, Request, Response};

/// What is left of a call's wall clock for the guest to say what became of a request that took too long.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl CallState {
    /// Sends a request where the plugin's grant covers it, and waits for the answer. For every version of the contract:
    /// whatever a guest asks for over HTTP passes here. Method, URL, fields and body count as handed to the host.
    ///
    /// # Errors
    /// The outer one ends the call: more was handed over than its budget allows.
    pub async fn egress(&mut self, request: Request) -> wasmtime::Result<Result<Response, EgressError>> {
        let fields: usize = request.headers.iter().map(|field| field.name.len() + field.value.len()).sum();
        self.hand_over(request.method.len() + request.url.len() + fields + request.body.len())?;
        if self.preparing {
            return Ok(Err(EgressError::Unreachable("nothing is sent during prepare".into())));
        }
        let question = self.taping.asked(|to| {
            to.map(4);
            to.key("method");
            to.text(&request.method);
            to.key("url");
            to.text(&request.url);
            to.key("headers");
            put_fields(&request.headers, to);
            to.key("body");
            to.sealed(&request.body);
        });
        let answer = match self.taping.heard(Service::HttpSend, &question) {
            Heard::Answer(answer) => answer,
            Heard::Silence => Err(EgressError::Unreachable(NOT_ON_TAPE.into())),
            Heard::Real => self.leave(request).await,
        };
        self.taping.note(Service::HttpSend, question, &answer);
        Ok(answer)
    }

    async fn leave(&self, request: Request) -> Result<Response, EgressError> {
        let left = self.budgets.wall.saturating_sub(self.meter.wall());
        let within = left - LAST_WORDS.min(left / 10);
        let Self { shared, meter, .. } = self;
        match GrantedRequest::new(&shared.name, &shared.channel, &shared.granted.egress, &request, within) {
            Ok(request) => meter.hosted(shared.services.http.send(request)).await,
            Err(error) => Err(error),
        }
    }
}

impl Host for CallState {
    async fn send(&mut self, request: wit::Request) -> wasmtime::Result<Result<wit::Response, HttpError>> {
        let headers = request.headers.into_iter().map(|field| Attribute { name: field.name, value: field.value });
        let request =
            Request { method: request.method, url: request.url, headers: headers.collect(), body: request.body.into() };
        Ok(match self.egress(request).await? {
            Ok(Response { status, headers, body }) => {
                let headers = headers.into_iter().map(|field| WitAttribute { name: field.name, value: field.value });
                Ok(wit::Response { status, headers: headers.collect(), body })
            }
            Err(EgressError::Denied(whom)) => Err(HttpError::Denied(whom)),
            Err(EgressError::Unreachable(why)) => Err(HttpError::Unreachable(why)),
            Err(EgressError::Timeout) => Err(HttpError::Timeout),
            Err(EgressError::TooLarge(most)) => Err(HttpError::TooLarge(most)),
        })
    }
}
