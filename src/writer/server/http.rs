//! Asking a server, and hearing its answer piece by piece.
//!
//! The connection lives on a thread of its own, so that a stop need not wait for the server: it closes the connection.

use super::error::ServerError;
use crate::models::ServerSpec;
use crate::progress::{Cancelled, Progress};
use crate::writer::tidy::flat;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::{StatusCode, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

/// How soon a stop is noticed.
const POLL: Duration = Duration::from_millis(50);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Names of this machine are found at once; others may take a moment.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);
/// A whole script is a few thousand bytes, and thoughts before it some hundred thousand.
const MOST_BYTES: usize = 8 << 20;
/// A line of a stream, or an error page.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// What is wrong with a connection that ends too early.
pub(super) const BROKEN: &str = "the connection broke";
/// Characters of a server's own words in an error.
const MOST_MESSAGE: usize = 200;

/// How long a server may say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Before the first word: it may be loading a model or reading the prompt on a slow processor.
    pub first: Duration,
    /// Between words.
    pub between: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { first: Duration::from_secs(300), between: Duration::from_secs(60) }
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The model was done.
    Done,
    /// It ran out of room.
    Full,
    /// It was stopped, since it went on and on.
    Endless,
    /// The connection broke.
    Dropped,
}

impl End {
    /// What is wrong with an answer that ended so.
    pub fn problem(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Full => Some("the model ran out of room for its answer"),
            Self::Endless => Some("the answer did not come to an end"),
            Self::Dropped => Some(BROKEN),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    Cancelled(Cancelled),
    Server(ServerError),
}

impl From<Cancelled> for Failure {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

/// What the thread with the connection tells.
enum Message {
    Text(String),
    /// Something that is no text: the server lives.
    Alive,
    End(End),
    Failed(ServerError),
}

/// A server to ask.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub spec: ServerSpec,
    pub key: Option<String>,
    pub patience: Patience,
}

impl Connection {
    /// Sends `body` to `chat/completions` and calls `hear` with all that was said so far, whenever there is more.
    pub fn chat(
        &self,
        body: &Value,
        progress: &dyn Progress,
        hear: &mut dyn FnMut(&str) -> Result<(), Cancelled>,
    ) -> Result<(String, End), Failure> {
        let body = body.to_string();
        let ask = move |line: &Line, agent: &Agent, sender: &Sender<Message>| line.chat(agent, &body, sender);
        let mut said = String::new();
        let end = self.on_a_thread(ask, progress, &mut |text| {
            said.push_str(text);
            hear(&said)
        })?;
        Ok((said, end))
    }

    /// The names of its models.
    pub fn models(&self, progress: &dyn Progress) -> Result<Vec<String>, Failure> {
        let mut text = String::new();
        let ask = |line: &Line, agent: &Agent, sender: &Sender<Message>| line.get("models", agent, sender);
        self.on_a_thread(ask, progress, &mut |more| {
            text.push_str(more);
            Ok(())
        })?;
        let garbage = |reason: &str| self.line().garbage(reason);
        let list: Value = serde_json::from_str(&text).map_err(|_| garbage("its list of models is no JSON"))?;
        let models = list["data"].as_array().ok_or_else(|| garbage("it gives no list of models"))?;
        Ok(models.iter().filter_map(|model| model["id"].as_str()).map(str::to_owned).collect())
    }

    fn line(&self) -> Line {
        let Self { spec: ServerSpec { address, any_host, .. }, key, .. } = self;
        Line { address: address.clone(), any_host: *any_host, key: key.clone() }
    }

    fn on_a_thread(
        &self,
        ask: impl FnOnce(&Line, &Agent, &Sender<Message>) -> Result<End, ServerError> + Send + 'static,
        progress: &dyn Progress,
        hear: &mut dyn FnMut(&str) -> Result<(), Cancelled>,
    ) -> Result<End, Failure> {
        let (sender, messages) = bounded(64);
        let (line, agent) = (self.line(), self.agent());
        let theirs = agent.clone();
        let run = move || {
            let last = match ask(&line, &theirs, &sender) {
                Ok(end) => Message::End(end),
                Err(error) => Message::Failed(error),
            };
            // Nobody listens to the answer of a question that was given up.
            let _ = sender.send(last);
        };
        std::thread::Builder::new().name("reelboard server".to_owned()).spawn(run).map_err(|error| {
            let reason = format!("cannot start a thread: {error}");
            ServerError::Unreachable { address: self.spec.address.clone(), reason }
        })?;
        let heard = self.listen(&messages, progress, hear);
        if heard.is_err() {
            // Closes the connection under the thread, which ends then.
            agent.shutdown();
        }
        heard
    }

    fn listen(
        &self,
        messages: &Receiver<Message>,
        progress: &dyn Progress,
        hear: &mut dyn FnMut(&str) -> Result<(), Cancelled>,
    ) -> Result<End, Failure> {
        let (mut last, mut patience) = (Instant::now(), self.patience.first);
        loop {
            progress.step(0, 0)?;
            match messages.recv_timeout(POLL.min(patience)) {
                Ok(message) => {
                    (last, patience) = (Instant::now(), self.patience.between);
                    match message {
                        Message::Text(text) => hear(&text)?,
                        Message::Alive => {}
                        Message::End(end) => return Ok(end),
                        Message::Failed(error) => return Err(error.into()),
                    }
                }
                Err(RecvTimeoutError::Timeout) if last.elapsed() < patience => {}
                Err(RecvTimeoutError::Timeout) => {
                    let address = self.spec.address.clone();
                    return Err(ServerError::Silent { address, seconds: patience.as_secs() }.into());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(ServerError::Dropped { address: self.spec.address.clone() }.into());
                }
            }
        }
    }

    /// A connection that goes where the settings say and nowhere else: no proxy, no redirects.
    fn agent(&self) -> Agent {
        let config = Agent::config_builder()
            .timeout_resolve(Some(RESOLVE_LIMIT))
            .timeout_connect(Some(CONNECT_LIMIT))
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("reelboard/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = ThisMachine { any_host: self.spec.any_host, resolver: DefaultResolver::default() };
        Agent::with_parts(config, DefaultConnector::default(), resolver)
    }
}

/// Finds addresses, and refuses those of other machines unless they are allowed.
#[derive(Debug)]
struct ThisMachine {
    any_host: bool,
    resolver: DefaultResolver,
}

#[derive(Debug, thiserror::Error)]
#[error("it is on another machine")]
struct Elsewhere;

impl Resolver for ThisMachine {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        match self.any_host || found.iter().all(|address| address.ip().is_loopback()) {
            true => Ok(found),
            false => Err(ureq::Error::Other(Box::new(Elsewhere))),
        }
    }
}

/// What the thread with the connection knows of the server.
struct Line {
    address: String,
    any_host: bool,
    key: Option<String>,
}

impl Line {
    fn garbage(&self, reason: impl Into<String>) -> ServerError {
        ServerError::Garbage { address: self.address.clone(), reason: reason.into() }
    }

    fn failed(&self, error: ureq::Error) -> ServerError {
        let address = self.address.clone();
        match error {
            ureq::Error::Other(error) if error.is::<Elsewhere>() && !self.any_host => {
                ServerError::OtherHost { address }
            }
            ureq::Error::Io(error) if is_drop(&error) => ServerError::Dropped { address },
            ureq::Error::Protocol(_) | ureq::Error::Http(_) => self.garbage("it does not speak HTTP"),
            error => ServerError::Unreachable { address, reason: error.to_string() },
        }
    }

    fn get(&self, path: &str, agent: &Agent, sender: &Sender<Message>) -> Result<End, ServerError> {
        let mut request = agent.get(format!("{}/{path}", self.address));
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let response = request.call().map_err(|error| self.failed(error))?;
        let (parts, mut body) = response.into_parts();
        self.check(parts.status, &mut body)?;
        let _ = sender.send(Message::Text(self.whole(&mut body)?));
        Ok(End::Done)
    }

    fn chat(&self, agent: &Agent, body: &str, sender: &Sender<Message>) -> Result<End, ServerError> {
        let mut request = agent.post(format!("{}/chat/completions", self.address));
        request = request.header("Content-Type", "application/json").header("Accept", "text/event-stream");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let response = request.send(body).map_err(|error| self.failed(error))?;
        let (parts, mut body) = response.into_parts();
        self.check(parts.status, &mut body)?;
        let kind = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.contains("event-stream") { self.events(body, sender) } else { self.at_once(&mut body, sender) }
    }

    fn check(&self, status: StatusCode, body: &mut Body) -> Result<(), ServerError> {
        let address = self.address.clone();
        match status.as_u16() {
            200..=299 => Ok(()),
            status @ (401 | 403) => Err(ServerError::Key { address, status }),
            status => {
                let text = self.whole(body).unwrap_or_default();
                let message = match serde_json::from_str::<Value>(&text) {
                    Ok(value) => message(&value).unwrap_or_default(),
                    Err(_) => text.lines().next().unwrap_or_default().to_owned(),
                };
                let message = if message.is_empty() { message } else { format!(": {}", short(&message)) };
                Err(ServerError::Status { address, status, message })
            }
        }
    }

    /// The text of an answer that comes in one piece.
    fn whole(&self, body: &mut Body) -> Result<String, ServerError> {
        let mut bytes = Vec::new();
        match body.as_reader().take(MOST_LINE_BYTES + 1).read_to_end(&mut bytes) {
            Ok(length) if length as u64 > MOST_LINE_BYTES => Err(self.too_long(length)),
            Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if is_drop(&error) => Err(ServerError::Dropped { address: self.address.clone() }),
            Err(error) => Err(self.garbage(error.to_string())),
        }
    }

    fn too_long(&self, bytes: usize) -> ServerError {
        ServerError::TooLong { address: self.address.clone(), bytes }
    }

    /// An answer of a server that does not stream.
    fn at_once(&self, body: &mut Body, sender: &Sender<Message>) -> Result<End, ServerError> {
        let text = self.whole(body)?;
        let value: Value = serde_json::from_str(&text).map_err(|_| self.garbage("its answer is no JSON"))?;
        self.refused(&value)?;
        let choice = &value["choices"][0];
        let text = choice["message"]["content"].as_str().ok_or_else(|| self.garbage("its answer has no text"))?;
        let _ = sender.send(Message::Text(text.to_owned()));
        Ok(end_of(choice).unwrap_or(End::Done))
    }

    /// An error that comes with a status of success.
    fn refused(&self, value: &Value) -> Result<(), ServerError> {
        if value.get("error").is_none_or(Value::is_null) {
            return Ok(());
        }
        let message = message(value).unwrap_or_default();
        Err(ServerError::Status {
            address: self.address.clone(),
            status: 200,
            message: format!(": {}", short(&message)),
        })
    }

    /// An answer as server-sent events.
    fn events(&self, body: Body, sender: &Sender<Message>) -> Result<End, ServerError> {
        let mut reader = BufReader::new(body.into_reader());
        let (mut line, mut bytes, mut end) = (Vec::new(), 0, None);
        loop {
            line.clear();
            match reader.by_ref().take(MOST_LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(end.unwrap_or(End::Dropped)),
                Ok(_) => {}
                Err(_) => return Ok(end.unwrap_or(End::Dropped)),
            }
            bytes += line.len();
            if bytes > MOST_BYTES || line.len() as u64 == MOST_LINE_BYTES {
                return Err(self.too_long(bytes));
            }
            let text = String::from_utf8_lossy(&line);
            let Some(data) = text.trim_end().strip_prefix("data:") else {
                if sender.send(Message::Alive).is_err() {
                    return Ok(End::Dropped);
                }
                continue;
            };
            let data = data.trim();
            if data == "[DONE]" {
                return Ok(end.unwrap_or(End::Done));
            }
            let value: Value = serde_json::from_str(data).map_err(|_| self.garbage("an event of it is no JSON"))?;
            self.refused(&value)?;
            let choice = &value["choices"][0];
            end = end.or(end_of(choice));
            // What a model thinks comes under other names, and is none of the script.
            let message = match choice["delta"]["content"].as_str() {
                Some(text) if !text.is_empty() => Message::Text(text.to_owned()),
                _ => Message::Alive,
            };
            if sender.send(message).is_err() {
                return Ok(End::Dropped);
            }
        }
    }
}

fn end_of(choice: &Value) -> Option<End> {
    choice["finish_reason"].as_str().map(|reason| if reason == "length" { End::Full } else { End::Done })
}

/// What a server says of an error.
fn message(value: &Value) -> Option<String> {
    let error = &value["error"];
    let text = error["message"].as_str().or(error.as_str()).or(value["message"].as_str()).or(value["detail"].as_str());
    text.map(str::to_owned)
}

fn short(text: &str) -> String {
    let line = flat(text);
    line.chars().take(MOST_MESSAGE).collect()
}

/// Whether the other side hung up.
fn is_drop(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
