//! Asking a server again.

use super::ServerWriter;
use super::error::ServerError;
use super::http::{BROKEN, Failure};

/// How often in a row a server is asked in vain before it is given up.
const TRIES: usize = 4;

/// How the attempts to get something from a server went.
pub(super) struct Attempts {
    /// Answers so far, and connections that broke.
    pub made: usize,
    /// How many of them, the last ones, brought nothing that can be used.
    in_vain: usize,
    /// How many examples it is shown.
    pub examples: usize,
    /// What the last answer lacked.
    pub missing: Option<String>,
}

impl Attempts {
    /// None so far. The first shows so many examples.
    pub fn with(examples: usize) -> Self {
        Self { made: 0, in_vain: 0, examples, missing: None }
    }

    /// Whether to give up.
    pub fn are_over(&self) -> bool {
        self.in_vain == TRIES
    }

    /// One more brought nothing, for this reason.
    pub fn lacked(&mut self, reason: String) {
        (self.made, self.in_vain) = (self.made + 1, self.in_vain + 1);
        self.missing = Some(reason);
    }

    /// One more brought something, but not all.
    pub fn brought_some(&mut self, reason: String) {
        (self.made, self.in_vain) = (self.made + 1, 0);
        self.missing = Some(reason);
    }
}

impl ServerWriter {
    /// What changes after a failure so that asking again can help: fewer examples where the question was too long, a plainer
    /// form where the server did not know it; a connection that broke is made again.
    pub(super) fn ask_again_after(&mut self, failure: Failure, attempts: &mut Attempts) -> Result<(), Failure> {
        match failure {
            Failure::Server(error) if refuses_the_length(&error) && attempts.examples > 0 => {
                attempts.examples = if attempts.examples > 1 { 1 } else { 0 };
            }
            Failure::Server(error) if refuses_the_form(&error) && self.takes_schema => self.takes_schema = false,
            Failure::Server(ServerError::Dropped { .. }) if attempts.in_vain + 1 < TRIES => {
                attempts.lacked(BROKEN.to_owned());
            }
            failure => return Err(failure),
        }
        Ok(())
    }
}

/// Whether a server refuses because of something in the question that it does not know.
fn refuses_the_form(error: &ServerError) -> bool {
    matches!(error, ServerError::Status { status: 400 | 415 | 422 | 500 | 501, .. })
}

/// Whether it refuses because the question is too long for its model.
fn refuses_the_length(error: &ServerError) -> bool {
    match error {
        ServerError::Status { message, .. } => {
            let message = message.to_lowercase();
            ["context", "too long", "too many tokens", "maximum length"].iter().any(|word| message.contains(word))
        }
        _ => false,
    }
}
