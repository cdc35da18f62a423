//! A hub that does what a test wants, one answer for each connection.

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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (bytes, answers, seen) = (bytes.to_vec(), answers.to_vec(), requests.clone());
        let serve = move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                // The client may hang up at any time: that is what some tests are about.
                let _ = reply(stream, &bytes, answer, &seen);
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
        Answer::Silence => {
            // Returns when the other side closes.
            let _ = lines.next();
            Ok(())
        }
    }
}
