//! `GET` of HTTP/1.1 (RFC 9112), as far as a check needs it: the status of the answer.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Answer;

/// The most bytes of the first line of an answer.
const MAX_LINE: usize = 1024;

/// Asks for `path` on a connection to `address`, and reads no more than the first line.
pub(super) async fn get(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    path: &str,
) -> Answer {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: tamer-agent/{}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        crate::VERSION
    );
    let asked = async {
        stream.write_all(request.as_bytes()).await?;
        let mut line = Vec::new();
        let mut byte = [0; 256];
        while line.len() < MAX_LINE && !line.contains(&b'\n') {
            match stream.read(&mut byte).await? {
                0 => break,
                read => line.extend_from_slice(&byte[..read]),
            }
        }
        std::io::Result::Ok(line)
    };
    match asked.await {
        Ok(line) => match status(&line) {
            Some(200..=399) => Answer::Well,
            Some(status) => Answer::Unwell(format!("{address}{path} answers {status}")),
            None => Answer::Unwell(format!("{address} does not answer in HTTP")),
        },
        Err(error) => Answer::Unwell(format!("{address}: {error}")),
    }
}

/// The status in the first line of an answer.
fn status(line: &[u8]) -> Option<u16> {
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&line[..end]).ok()?;
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_status_is_read_and_nothing_else_passes_for_one() {
        for (line, expected) in [
            ("HTTP/1.1 200 OK\r\n", Some(200)),
            ("HTTP/1.0 503\n", Some(503)),
            ("HTTP/1.1 200 OK", None),
            ("HTTP/2 200\n", None),
            ("SSH-2.0-x\r\n", None),
            ("HTTP/1.1 20000 OK\r\n", None),
            ("HTTP/1.1\r\n200\r\n", None),
            ("\n", None),
        ] {
            assert_eq!(status(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_its_end() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let server = tokio::spawn(async move {
            let mut request = vec![0; 4096];
            let read = theirs.read(&mut request).await.expect("a request");
            let flood = vec![b'x'; 1 << 20];
            // It breaks when nobody reads any more.
            theirs.write_all(&flood).await.expect_err("it is not read to its end");
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let address = "127.0.0.1:80".parse().expect("an address");
        let answer = get(ours, address, "/up?x=1").await;
        assert_eq!(answer, Answer::Unwell("127.0.0.1:80 does not answer in HTTP".to_owned()));
        let request = server.await.expect("served");
        assert!(request.starts_with("GET /up?x=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"), "{request}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_status_or_none(line: Vec<u8>) {
            prop_assert!(status(&line).is_none_or(|status| (100..600).contains(&status)));
        }
    }
}
