//! Gzip files: members one after the other, and the zeros with which tapes and block devices fill up the last block.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// Decompresses a gzip file to the end of its last member.
pub(super) struct GzipReader<R> {
    member: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> GzipReader<R> {
    pub fn new(raw: R) -> GzipReader<R> {
        GzipReader { member: Some(GzDecoder::new(BufReader::new(raw))) }
    }
}

impl<R: Read> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n_read = member.read(buffer)?;
            if n_read > 0 || buffer.is_empty() {
                return Ok(n_read);
            }
            if is_last(member.get_mut())? {
                self.member = None;
            } else {
                self.member = self.member.take().map(|member| GzDecoder::new(member.into_inner()));
            }
        }
        Ok(0)
    }
}

/// Whether nothing but zeros follows; what is no zero is left to be read as a member.
fn is_last(rest: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let window = rest.fill_buf()?;
        if window.is_empty() {
            return Ok(true);
        }
        let n_zeros = window.iter().take_while(|&&byte| byte == 0).count();
        let is_over = n_zeros < window.len();
        rest.consume(n_zeros);
        if is_over {
            return Ok(false);
        }
    }
}
