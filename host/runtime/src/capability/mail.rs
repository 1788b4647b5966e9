//! `mail`: submission to the operator's relay. The wait is not billed as guest time.
use crate::bindings::tributary::plugin::mail::{Host, MailError};
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
        let Self { shared, meter, .. } = self;
        let submitted = shared.services.mail.submit(&mail_from, &rcpt_to, &data);
        Ok(meter.hosted(submitted).await.map_err(|error| match error {
            Refused::Temporary(why) => MailError::Temporary(why),
            Refused::Permanent(why) => MailError::Permanent(why),
        }))
    }
}
