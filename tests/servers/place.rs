//! A server of language models that does what a test wants, one reply for each connection.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How to reply to one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This text, a few letters at a time.
    Stream(String),
    /// Says so many bytes of the text and hangs up.
    DropAfter(String, usize),
    /// Says so many bytes of the text, and that the model has no room for more.
    Full(String, usize),
    /// Says so many bytes of the text, and then nothing until the other side hangs up.
    HangAfter(String, usize),
    /// Says nothing until the other side hangs up.
    Silence,
    /// A whole body, as JSON.
    Whole(String),
    /// This status and body.
    Status(u16, String),
    /// Somewhere else.
    Redirect,
    /// These bytes, and no more.
    Raw(String),
    /// Words without end.
    Endless,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub text: String,
}

impl Request {
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

pub struct Place {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    thread: JoinHandle<()>,
}

impl Place {
    /// Replies once for each of these; then it is gone.
    pub fn new(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (replies, seen) = (replies.to_vec(), requests.clone());
        let serve = move || {
            for reply in replies {
                let (stream, _) = listener.accept().unwrap();
                // The client may hang up at any time: that is what some tests are about.
                let _ = answer(stream, &reply, &seen);
            }
        };
        let thread = thread::Builder::new().name("server".into()).spawn(serve).unwrap();
        Self { address, requests, thread }
    }

    /// Every reply was asked for, and every connection has ended.
    pub fn finish(self) -> Vec<Request> {
        self.thread.join().unwrap();
        self.requests.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, reply: &Reply, seen: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    seen.lock().unwrap().push(Request { path, text: String::from_utf8(body).unwrap() });

    let mut out = stream;
    let whole = |out: &mut TcpStream, status: &str, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}");
        write!(out, "{head}\r\nConnection: close\r\n\r\n{body}")
    };
    match reply {
        Reply::Stream(text) => {
            begin(&mut out)?;
            say(&mut out, text)?;
            event(&mut out, &json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}).to_string())?;
            event(&mut out, "[DONE]")
        }
        Reply::DropAfter(text, bytes) => {
            begin(&mut out)?;
            say(&mut out, &text[..*bytes])
        }
        Reply::Full(text, bytes) => {
            begin(&mut out)?;
            say(&mut out, &text[..*bytes])?;
            event(&mut out, &json!({"choices": [{"delta": {}, "finish_reason": "length"}]}).to_string())
        }
        Reply::HangAfter(text, bytes) => {
            begin(&mut out)?;
            say(&mut out, &text[..*bytes])?;
            wait_for_the_end(&mut reader)
        }
        Reply::Silence => wait_for_the_end(&mut reader),
        Reply::Whole(body) => whole(&mut out, "200 OK", body),
        Reply::Status(status, body) => whole(&mut out, &format!("{status} As told"), body),
        Reply::Redirect => write!(
            out,
            "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        Reply::Raw(text) => out.write_all(text.as_bytes()),
        Reply::Endless => {
            begin(&mut out)?;
            let words = "word ".repeat(2000);
            loop {
                say_at_once(&mut out, &words)?;
            }
        }
    }
}

/// Returns when the other side closes.
fn wait_for_the_end(reader: &mut impl Read) -> std::io::Result<()> {
    let mut byte = [0];
    while reader.read(&mut byte)? > 0 {}
    Ok(())
}

fn begin(out: &mut TcpStream) -> std::io::Result<()> {
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n")?;
    // What a model thinks comes beside what it says.
    event(out, &json!({"choices": [{"delta": {"role": "assistant", "reasoning_content": "Scene 1"}}]}).to_string())
}

fn say(out: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(7).try_for_each(|piece| say_at_once(out, &piece.iter().collect::<String>()))
}

fn say_at_once(out: &mut TcpStream, text: &str) -> std::io::Result<()> {
    event(out, &json!({"choices": [{"delta": {"content": text}, "finish_reason": null}]}).to_string())
}

fn event(out: &mut TcpStream, data: &str) -> std::io::Result<()> {
    write!(out, "data: {data}\n\n")?;
    out.flush()
}
