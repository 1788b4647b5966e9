//! `mail`: submission to the operator's relay. The wait is not billed as guest time. A replayed call submits nothing.
use crate::bindings::tributary::plugin::mail::{Host, MailError};
use crate::record::{Heard, NOT_ON_TAPE, Service};
use crate::services::MailError as Refused;
use crate::state::CallState;

impl Host for CallState {
    async fn submit(
        &mut self,
        mail_from: String,
        rcpt_to: Vec<String>,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<String, MailError>> {
        self.hand_over(mail_from.len() + rcpt_to.iter().map(String::len).sum::<usize>() + data.len())?;
        if self.preparing {
            return Ok(Err(MailError::Temporary("nothing is sent during prepare".into())));
        }
        let question = self.taping.asked(|to| {
            to.map(3);
            to.key("mail_from");
            to.text(&mail_from);
            to.key("rcpt_to");
            to.list(rcpt_to.len());
            rcpt_to.iter().for_each(|recipient| to.text(recipient));
            to.key("data");
            to.sealed(&data);
        });
        let answer = match self.taping.heard(Service::MailSubmit, &question) {
            Heard::Answer(answer) => answer,
            Heard::Silence => Err(MailError::Temporary(NOT_ON_TAPE.into())),
            Heard::Real => {
                let Self { shared, meter, .. } = self;
                let submitted = shared.services.mail.submit(&mail_from, &rcpt_to, &data);
                meter.hosted(submitted).await.map_err(|error| match error {
                    Refused::Temporary(why) => MailError::Temporary(why),
                    Refused::Permanent(why) => MailError::Permanent(why),
                })
            }
        };
        self.taping.note(Service::MailSubmit, question, &answer);
        Ok(answer)
    }
}
