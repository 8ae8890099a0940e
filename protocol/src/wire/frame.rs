//! Framing: a 4-byte big-endian length and that many bytes of body, one message each.

use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::message::Message;

/// Bytes before each body.
pub const HEAD_BYTES: usize = 4;

/// A message as it goes onto the stream: head and body.
pub fn encode(message: &Message) -> Vec<u8> {
    let body = message.encode();
    let mut frame = Vec::with_capacity(HEAD_BYTES + body.len());
    // The sessions build no body beyond FRAME_BYTES; a longer one would be refused there.
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    frame.extend_from_slice(&len.to_be_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// The length of the body that a head announces, at most [`limits::FRAME_BYTES`]: for
/// callers that read exactly as much.
pub fn body_len(head: [u8; HEAD_BYTES]) -> Result<usize, WireFault> {
    let found = u32::from_be_bytes(head) as usize;
    if found == 0 || found > limits::FRAME_BYTES {
        return Err(WireFault::FrameSize {
            found,
            max: limits::FRAME_BYTES,
        });
    }
    Ok(found)
}

/// Cuts a stream of bytes into bodies.
///
/// It holds what was pushed and not yet pulled: push what was read, then pull until
/// `None`, and it never holds more than one frame and one read.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// An empty decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next body, if it is complete. An error is final: the stream cannot be resumed.
    pub fn pull(&mut self) -> Result<Option<Vec<u8>>, WireFault> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some((head, rest)) = rest.split_first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        let len = body_len(*head)?;
        let Some(body) = rest.get(..len) else {
            return Ok(None);
        };
        let body = body.to_vec();
        self.start += HEAD_BYTES + len;
        Ok(Some(body))
    }

    /// The next message, if it is complete.
    pub fn next_message(&mut self) -> Result<Option<Message>, WireFault> {
        self.pull()?.map(|body| Message::decode(&body)).transpose()
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::Reason;

    #[test]
    fn frames_come_out_whole_however_the_bytes_arrive() {
        let messages = [
            Message::Done,
            Message::Bye(Reason::Busy),
            Message::Ranges(vec![7; 300]),
        ];
        let bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
        for step in [1, 2, 3, 7, 1000] {
            let mut decoder = Decoder::new();
            let mut found = Vec::new();
            for chunk in bytes.chunks(step) {
                decoder.push(chunk);
                while let Some(message) = decoder.next_message().expect("well formed") {
                    found.push(message);
                }
            }
            assert_eq!(found, messages, "step {step}");
            assert_eq!(decoder.held(), 0);
        }
    }

    #[test]
    fn oversized_and_empty_frames_are_refused_by_their_head_alone() {
        for len in [0, limits::FRAME_BYTES + 1, u32::MAX as usize] {
            let mut decoder = Decoder::new();
            decoder.push(&(len as u32).to_be_bytes());
            let fault = WireFault::FrameSize {
                found: len,
                max: limits::FRAME_BYTES,
            };
            assert_eq!(decoder.pull(), Err(fault.clone()));
            assert_eq!(decoder.pull(), Err(fault), "an error stays");
        }
    }
}
