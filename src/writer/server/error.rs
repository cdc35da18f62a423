//! What can go wrong with a server.

/// Why a server did not answer as it should. Addresses are those of the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum ServerError {
    /// Nobody is there.
    #[error("no writer answers at {address} ({reason}); start the server, or choose another writer")]
    Unreachable { address: String, reason: String },
    /// The name of this machine leads to another one.
    #[error("{address} is on another machine; allow that in the list of writers, or with --any-host")]
    OtherHost { address: String },
    /// It says nothing.
    #[error("the server at {address} has said nothing for {seconds} s; look whether it still works, then try again")]
    Silent { address: String, seconds: u64 },
    /// It hung up in the middle.
    #[error("the server at {address} hung up in the middle of its answer; what was complete is kept")]
    Dropped { address: String },
    /// It refuses.
    #[error("the server at {address} refuses ({status}{message})")]
    Status { address: String, status: u16, message: String },
    /// It needs a key.
    #[error("the server at {address} wants a key ({status}); put it into the variable REELBOARD_WRITER_KEY")]
    Key { address: String, status: u16 },
    /// It has no model.
    #[error("the server at {address} lists no model; load one there, or name it behind a # in the address")]
    NoModel { address: String },
    /// It answers something else than OpenAI's protocol.
    #[error("what answers at {address} is no server for language models ({reason}); check the address")]
    Garbage { address: String, reason: String },
    /// It does not stop.
    #[error("the answer of the server at {address} does not end; it was given up after {bytes} bytes")]
    TooLong { address: String, bytes: usize },
}
