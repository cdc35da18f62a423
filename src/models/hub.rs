//! Downloading from the Hugging Face hub, or a mirror of it, with resume and cancel.
//!
//! hf-hub knows the hub's addresses and the user's login. Its own download cannot be cancelled, has no time limits and
//! keeps files in a cache of its own, so the transfer is done here.

use super::error::SourceError;
use crate::progress::Progress;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use hf_hub::{Cache, Repo, RepoType, api::sync::ApiBuilder};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, StatusCode, Uri, header};

/// How soon a cancelled download stops.
const POLL: Duration = Duration::from_millis(100);
/// A connection that is refused, blocked or silent for longer gives way to the next source.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How often a broken connection is taken up again without a single new byte.
const RETRIES: u32 = 4;
const BLOCK_BYTES: usize = 64 << 10;

/// The hub to fetch from, and the user's login there.
#[derive(Debug, Clone)]
pub struct Hub {
    endpoint: Option<String>,
    token: Option<String>,
    retry_wait: Duration,
}

/// What a download should be when it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub size_bytes: u64,
    pub content: Content,
}

/// The name of a content, by which it is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// What the hub says of large files, and `models.ron` of all.
    Sha256(String),
    /// What the hub says of small files: the name that git has for them.
    GitBlob(String),
}

impl Content {
    pub fn text(&self) -> &str {
        match self {
            Self::Sha256(text) | Self::GitBlob(text) => text,
        }
    }
}

/// Renamed repositories are a redirect or two away.
const MOST_REDIRECTS: u32 = 5;

/// What the thread that talks to the server tells the one that writes the file.
enum Message {
    /// The answer begins at this byte of the file.
    From(u64),
    Block(Vec<u8>),
    End,
    Failed {
        error: SourceError,
        is_final: bool,
    },
}

impl Hub {
    /// The hub, or what `HF_ENDPOINT` names; with `HF_TOKEN`, or the login that `huggingface-cli` left.
    pub fn from_env() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let token = variable("HF_TOKEN").or_else(|| Cache::from_env().token());
        Self { endpoint: variable("HF_ENDPOINT"), token, retry_wait: Duration::from_secs(1) }
    }

    /// A mirror, without a login, that is asked again at once when a connection breaks.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), token: None, retry_wait: Duration::ZERO }
    }

    pub(super) fn url(&self, repo: &str, revision: &str, file: &str) -> Result<String, SourceError> {
        let mut builder = ApiBuilder::from_env();
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        let api = builder.build().map_err(|error| SourceError::Network(error.to_string()))?;
        Ok(api.repo(Repo::with_revision(repo.to_owned(), RepoType::Model, revision.to_owned())).url(file))
    }

    /// Asks what `url` holds, without fetching it.
    pub(super) fn announced(&self, url: &str, progress: &dyn Progress) -> Result<Wanted, SourceError> {
        let (sender, answers) = bounded(1);
        let (url, token) = (url.to_owned(), self.token.clone());
        // Nobody listens to a cancelled question.
        let run = move || drop(sender.send(announcement(&url, token.as_deref())));
        thread::Builder::new()
            .name("announcement".to_owned())
            .spawn(run)
            .map_err(|error| SourceError::Network(format!("cannot start a thread: {error}")))?;
        loop {
            progress.step(0, 0)?;
            match answers.recv_timeout(POLL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(SourceError::NotAnnounced),
            }
        }
    }

    /// Completes `partial` to `size_bytes` from `url`.
    pub(super) fn download(
        &self,
        url: &str,
        partial: &Path,
        size_bytes: u64,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        let mut file =
            File::options().create(true).truncate(false).write(true).open(partial).map_err(SourceError::io(partial))?;
        let mut here = file.metadata().map_err(SourceError::io(partial))?.len();
        if here > size_bytes {
            file.set_len(0).map_err(SourceError::io(partial))?;
            here = 0;
        }
        let mut has_flowed = false;
        let mut tries = 0;
        while here < size_bytes {
            let before = here;
            let messages = self.request(url, here, size_bytes)?;
            let ended = receive(&messages, &mut file, partial, &mut here, size_bytes, progress);
            has_flowed |= here != before;
            tries = if here != before { 0 } else { tries + 1 };
            match ended {
                Ok(()) => {}
                Err((error, is_final)) if is_final || !has_flowed || tries > RETRIES => return Err(error),
                Err((error, _)) => {
                    log::warn!("{url}: {error}; going on at byte {here}");
                    self.wait(tries, here, size_bytes, progress)?;
                }
            }
        }
        Ok(())
    }

    fn wait(&self, tries: u32, here: u64, size_bytes: u64, progress: &dyn Progress) -> Result<(), SourceError> {
        let until = Instant::now() + self.retry_wait * (tries + 1);
        while Instant::now() < until {
            progress.step(here, size_bytes)?;
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Asks for everything from byte `from` on, in a thread of its own: a blocked read must not delay a cancel.
    fn request(&self, url: &str, from: u64, size_bytes: u64) -> Result<Receiver<Message>, SourceError> {
        let (sender, messages) = bounded(16);
        let (url, token) = (url.to_owned(), self.token.clone());
        let run = move || {
            let last = match transfer(&url, token.as_deref(), from, size_bytes, &sender) {
                Ok(()) => Message::End,
                Err((error, is_final)) => Message::Failed { error, is_final },
            };
            // Nobody listens to a cancelled download.
            let _ = sender.send(last);
        };
        thread::Builder::new()
            .name("download".to_owned())
            .spawn(run)
            .map_err(|error| SourceError::Network(format!("cannot start a thread: {error}")))?;
        Ok(messages)
    }
}

/// An error, and whether asking again is pointless.
type Failure = (SourceError, bool);

/// Writes what arrives until the answer ends or breaks off. `here` counts what is safely in the file.
fn receive(
    messages: &Receiver<Message>,
    file: &mut File,
    path: &Path,
    here: &mut u64,
    size_bytes: u64,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let broken_off =
        |here| (SourceError::Network(format!("the connection ended after {here} of {size_bytes} bytes")), false);
    let io = |error| (SourceError::io(path)(error), true);
    loop {
        progress.step(*here, size_bytes).map_err(|cancelled| (cancelled.into(), true))?;
        match messages.recv_timeout(POLL) {
            Ok(Message::From(start)) => {
                file.set_len(start).map_err(io)?;
                file.seek(SeekFrom::Start(start)).map_err(io)?;
                *here = start;
            }
            Ok(Message::Block(block)) => {
                let got = *here + block.len() as u64;
                if got > size_bytes {
                    file.set_len(0).map_err(io)?;
                    return Err((SourceError::WrongSize { expected: size_bytes, got }, true));
                }
                file.write_all(&block).map_err(io)?;
                *here = got;
            }
            Ok(Message::End) if *here == size_bytes => return Ok(()),
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return Err(broken_off(*here)),
            Ok(Message::Failed { error, is_final }) => return Err((error, is_final)),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn transfer(
    url: &str,
    token: Option<&str>,
    from: u64,
    size_bytes: u64,
    sender: &Sender<Message>,
) -> Result<(), Failure> {
    let network =
        |what: &str, error: &dyn std::fmt::Display| (SourceError::Network(format!("{what} ({error})")), false);
    let agent = agent(url, 10);
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
    }
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = request.call().map_err(|error| network("no connection", &error))?;
    let start = answer_start(response.status(), response.headers(), from, size_bytes)?;
    // A closed channel is a cancelled download, here and below.
    if sender.send(Message::From(start)).is_err() {
        return Ok(());
    }
    let mut body = response.into_body().into_reader();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match body.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(read) if sender.send(Message::Block(block[..read].to_vec())).is_err() => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(network("the connection broke", &error)),
        }
    }
}

fn agent(url: &str, redirects: u32) -> Agent {
    let config = Agent::config_builder();
    // A mirror on this machine is not behind the proxy that leads out of it.
    let config = if is_loopback(url) { config.proxy(None) } else { config };
    config
        .max_redirects(redirects)
        .timeout_resolve(Some(CONNECT_LIMIT))
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_per_read(Some(SILENCE_LIMIT))
        .timeout_recv_response(Some(SILENCE_LIMIT))
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .http_status_as_error(false)
        .user_agent(concat!("reelboard/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// What the hub's headers say of a file. For a large one they come with the redirect to where it is stored, and are not
/// said there again, so that redirects are not simply followed.
fn announcement(url: &str, token: Option<&str>) -> Result<Wanted, SourceError> {
    let mut url = url.to_owned();
    for _ in 0..=MOST_REDIRECTS {
        let mut request = agent(&url, 0).head(&url).header(header::ACCEPT_ENCODING, "identity");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| SourceError::Network(format!("no connection ({error})")))?;
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status();
        if let Some(wanted) = wanted(text("x-linked-size"), text("x-linked-etag")) {
            return Ok(wanted);
        }
        if status.is_success() {
            let wanted = wanted(text("content-length"), text("etag"));
            return wanted.ok_or(SourceError::NotAnnounced);
        }
        match text("location").filter(|_| status.is_redirection()) {
            // Only to another place on the hub itself: the login is sent along.
            Some(path) if path.starts_with('/') && !path.starts_with("//") => {
                let root = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
                url.replace_range(root.., path);
            }
            Some(_) => return Err(SourceError::NotAnnounced),
            None => return Err(refusal(status).0),
        }
    }
    Err(SourceError::NotAnnounced)
}

fn wanted(size: Option<&str>, etag: Option<&str>) -> Option<Wanted> {
    let etag = etag?.trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
    let content = match etag.len() {
        _ if !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) => return None,
        64 => Content::Sha256(etag),
        40 => Content::GitBlob(etag),
        _ => return None,
    };
    Some(Wanted { size_bytes: size?.parse().ok()?, content })
}

fn is_loopback(url: &str) -> bool {
    let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The byte of the file that the answer starts with, once it is clear that it is an answer about our file.
fn answer_start(status: StatusCode, headers: &HeaderMap, from: u64, size_bytes: u64) -> Result<u64, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (start, total) = match status {
        StatusCode::OK => (0, text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok())),
        StatusCode::PARTIAL_CONTENT => {
            // bytes FIRST-LAST/TOTAL
            let range = text(header::CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes "));
            let (range, total) = range.and_then(|range| range.split_once('/')).unwrap_or_default();
            let first = range.split('-').next().and_then(|first| first.parse::<u64>().ok());
            if first != Some(from) {
                return Err((SourceError::Network("the server sent another part than asked for".to_owned()), true));
            }
            (from, total.parse().ok())
        }
        _ => return Err(refusal(status)),
    };
    match total {
        Some(got) if got != size_bytes => Err((SourceError::WrongSize { expected: size_bytes, got }, true)),
        _ => Ok(start),
    }
}

/// What an answer without a file means.
fn refusal(status: StatusCode) -> Failure {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (SourceError::Denied { status: status.as_u16() }, true),
        // A server that is busy or broken for a moment may be asked again.
        _ => {
            let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            (SourceError::Status { status: status.as_u16() }, !is_passing)
        }
    }
}
