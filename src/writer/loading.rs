//! Giving a network its tensors one by one.

use super::error::WriterError;
use crate::nets::llama::Llama;
use crate::progress::Progress;

/// Tells how many of a file's tensors a network took, and keeps why one could not be had: the network can only pass that on
/// as text.
pub(super) struct Loading<'a> {
    progress: &'a dyn Progress,
    done: u64,
    total: u64,
    stopped: Option<WriterError>,
}

impl<'a> Loading<'a> {
    pub fn of(tensors: usize, progress: &'a dyn Progress) -> Self {
        Self { progress, done: 0, total: tensors as u64, stopped: None }
    }

    /// Gives the tensor that `read` reads, if the file has it.
    pub fn give<T>(&mut self, read: impl FnOnce() -> Result<Option<T>, WriterError>) -> candle_core::Result<Option<T>> {
        match self.progress.step(self.done, self.total).map_err(WriterError::from).and_then(|()| read()) {
            Ok(tensor) => {
                self.done += u64::from(tensor.is_some());
                Ok(tensor)
            }
            Err(error) => {
                let message = error.to_string();
                self.stopped = Some(error);
                candle_core::bail!("{message}")
            }
        }
    }

    /// The network, or why there is none; `unfit` says so where the tensors do not make one.
    pub fn finish(
        self,
        net: candle_core::Result<Llama>,
        unfit: impl FnOnce(String) -> WriterError,
    ) -> Result<Llama, WriterError> {
        match self.stopped {
            Some(error) => Err(error),
            None => net.map_err(|error| unfit(first_line(&error))),
        }
    }
}

/// What candle says of an error, without where it happened.
fn first_line(error: &candle_core::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim().to_owned()
}
