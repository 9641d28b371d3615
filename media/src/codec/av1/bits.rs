//! Reading and writing single bits, most significant first.
