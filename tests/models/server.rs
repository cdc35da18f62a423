//! A hub that does what a test wants, one answer for each connection.

use sha1::{Digest, Sha1};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How to answer one request.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// All that was asked for.
    Whole,
    /// Says that it will send all, hangs up after so many bytes.
    DropAfter(usize),
    /// Sends everything from the start, whatever was asked.
    IgnoreRange,
    /// Only this status.
    Status(u16),
    /// Somewhere else on the same server, as the hub does for large files.
    Redirect,
    /// Says of a large file how long it is, its checksum and where it is stored, as the hub does.
    AnnounceLarge,
    /// Says of a small file how long it is and git's name for it.
    AnnounceSmall,
    /// Says neither what the file is nor how long.
    AnnounceNothing,
    /// Accepts and says nothing until the client goes away.
    Silence,
}

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    /// First byte asked for; 0 without a range.
    pub from: usize,
}

pub struct Server {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `bytes` under any path, once for each answer; then it is gone.
    pub fn new(bytes: &[u8], answers: &[Answer]) -> Self {
        Self::with_two(bytes, bytes, answers)
    }

    /// Serves `others` after the first answer.
    pub fn with_two(bytes: &[u8], others: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (first, others, answers, seen) = (bytes.to_vec(), others.to_vec(), answers.to_vec(), requests.clone());
        let serve = move || {
            for (index, answer) in answers.into_iter().enumerate() {
                let bytes = if index == 0 { &first } else { &others };
                let (stream, _) = listener.accept().unwrap();
                // The client may hang up at any time: that is what some tests are about.
                let _ = reply(stream, bytes, answer, &seen);
            }
        };
        let thread = thread::Builder::new().name("hub".into()).spawn(serve).unwrap();
        Self { endpoint, requests, thread: Some(thread) }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Every answer was asked for.
    pub fn finish(mut self) -> Vec<Request> {
        self.thread.take().unwrap().join().unwrap();
        self.requests()
    }
}

fn reply(stream: TcpStream, bytes: &[u8], answer: Answer, seen: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap()?;
    let mut request = Request { path: first.split(' ').nth(1).unwrap().to_owned(), from: 0 };
    let mut has_range = false;
    for line in lines.by_ref() {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            request.from = range.trim_end_matches('-').parse().unwrap();
            has_range = true;
        }
    }
    let from = request.from;
    seen.lock().unwrap().push(request);
    let mut out = stream;
    let send = |out: &mut TcpStream, head: &str, body: &[u8]| -> std::io::Result<()> {
        write!(out, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
        out.write_all(body)
    };
    let part = &bytes[from.min(bytes.len())..];
    let head = if has_range {
        let last = bytes.len() - 1;
        format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{last}/{}\r\nContent-Length: {}",
            bytes.len(),
            part.len()
        )
    } else {
        format!("200 OK\r\nContent-Length: {}", part.len())
    };
    match answer {
        Answer::Whole => send(&mut out, &head, part),
        Answer::DropAfter(count) => send(&mut out, &head, &part[..count]),
        Answer::IgnoreRange => send(&mut out, &format!("200 OK\r\nContent-Length: {}", bytes.len()), bytes),
        Answer::Status(status) => send(&mut out, &format!("{status} As told\r\nContent-Length: 0"), b""),
        Answer::Redirect => send(&mut out, "302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0", b""),
        Answer::AnnounceLarge => {
            let (len, sha256) = (bytes.len(), super::sha256(bytes));
            let linked = format!("X-Linked-Size: {len}\r\nX-Linked-ETag: \"{sha256}\"");
            send(&mut out, &format!("302 Found\r\nLocation: https://elsewhere.invalid/x\r\n{linked}"), b"")
        }
        Answer::AnnounceSmall => {
            let mut hasher = Sha1::new();
            hasher.update(format!("blob {}\0", bytes.len()));
            hasher.update(bytes);
            let name: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            send(&mut out, &format!("200 OK\r\nETag: W/\"{name}\"\r\nContent-Length: {}", bytes.len()), b"")
        }
        Answer::AnnounceNothing => send(&mut out, "200 OK\r\nContent-Length: 0", b""),
        Answer::Silence => {
            // Returns when the other side closes.
            let _ = lines.next();
            Ok(())
        }
    }
}
