//! CLIP's tokenizer, against ids from transformers' `CLIPTokenizer` with the small vocabulary that is made here.

use reelboard::nets::clip::{ClipTokenizer, TokenizerError, TokenizerSettings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BEGIN: u32 = 539;
const END: u32 = 540;
/// The end token is the padding of Stable Diffusion 1.5, an exclamation mark that of 2.1.
const EXCLAMATION_MARK: u32 = 0;
/// Short, so that some of the texts are cut.
const LENGTH: usize = 16;

#[rustfmt::skip]
const MERGES: &[&str] = &[
    "t h", "th e</w>", "i n", "l i", "g h", "gh t", "li ght", "o u", "ou se</w>", "s e</w>", "a n", "an d</w>",
    "e r</w>", "light h", "lighth ouse</w>", "k e", "ke e", "kee p", "keep er</w>", "! !</w>", "' s</w>", "Ã ©</w>",
    "w a", "b o", "bo a", "boa t</w>", "1 9",
];

/// Texts and their ids without beginning, end and padding.
#[rustfmt::skip]
const TEXTS: &[(&str, &[u32])] = &[
    ("", &[]),
    ("   ", &[]),
    ("The lighthouse keeper", &[513, 515, 516, 512, 520, 530]),
    ("the LIGHTHOUSE  keeper's\tboat\n", &[513, 515, 516, 512, 520, 530, 532, 537]),
    ("don't they're I'LL we'd 'tis", &[67, 78, 333, 6, 339, 512, 68, 344, 6, 81, 324, 328, 6, 75]),
    ("1987 19", &[272, 280, 279, 278, 272, 280]),
    ("café Cafe\u{301} CAFÉ", &[66, 64, 69, 533, 66, 64, 69, 533, 66, 64, 69, 533]),
    ("a\u{200b}b\u{0}c\u{b}d\u{1f}e", &[64, 65, 66, 67, 324]),
    ("x\u{2028}y\u{a0}z\u{3000}w", &[343, 344, 345, 342]),
    ("漢字 and 仮名", &[162, 120, 351, 161, 255, 501, 523, 160, 119, 362, 161, 238, 491]),
    ("ΟΔΟΣ ΣΟΦΟΣ Σ", &[138, 123, 138, 112, 138, 123, 139, 480, 139, 225, 138, 123, 139, 228]),
    ("İstanbul ß ſ", &[328, 136, 485, 82, 83, 522, 65, 84, 331, 127, 509, 129, 379]),
    ("emoji 👩\u{200d}👩\u{200d}👧 🚣 ok", &[68, 76, 78, 73, 328, 172, 253, 239, 102, 172, 253, 239, 102, 172]),
    ("<|endoftext|> in <|ENDOFTEXT|>the", &[540, 72, 333, 540, 513]),
    ("a<|startoftext|>b", &[320, 539, 321]),
    ("--- ... (the) [house], \"and\" & #1!", &[12, 12, 268, 13, 13, 269, 263, 513, 264, 314, 71, 520, 60, 267]),
    ("½ ² Ⅳ ٣", &[126, 377, 126, 366, 158, 227, 367, 149, 352]),
    ("naïve—dash… “quotes”", &[77, 64, 127, 107, 85, 324, 158, 222, 498, 67, 64, 82, 327, 158]),
    ("\u{fffd} the", &[513]),
    ("e\u{301}\u{323} q\u{307}\u{323}", &[157, 118, 373, 136, 479, 336, 136, 96, 136, 485]),
    ("the\u{ad}house", &[512, 68, 71, 520]),
    ("tab\there\rand\r\nnow", &[83, 64, 321, 71, 68, 81, 324, 523, 77, 78, 342]),
];

/// The letters that stand for the 256 bytes, in the order of CLIP's vocabulary: printable ones are themselves.
fn byte_letters() -> Vec<char> {
    let printable: Vec<u32> = (0x21..=0x7e).chain(0xa1..=0xac).chain(0xae..=0xff).collect();
    let others = (0..256u32).filter(|byte| !printable.contains(byte)).count() as u32;
    printable.iter().copied().chain(256..256 + others).map(|letter| char::from_u32(letter).unwrap()).collect()
}

fn vocab() -> BTreeMap<String, u32> {
    let letters = byte_letters();
    let alone = letters.iter().map(char::to_string);
    let at_the_end = letters.iter().map(|letter| format!("{letter}</w>"));
    let merged = MERGES.iter().map(|merge| merge.replace(' ', ""));
    let special = ["<|startoftext|>", "<|endoftext|>"].map(str::to_owned);
    alone.chain(at_the_end).chain(merged).chain(special).zip(0..).collect()
}

fn merges() -> String {
    format!("#version: 0.2\n{}\n", MERGES.join("\n"))
}

fn tokenizer(settings: &TokenizerSettings) -> ClipTokenizer {
    let vocab = serde_json::to_vec(&vocab()).unwrap();
    ClipTokenizer::from_vocab(&vocab, merges().as_bytes(), settings).unwrap()
}

/// The same vocabulary as a `tokenizer.json`, as transformers write it.
fn tokenizer_json() -> Value {
    let special = |id: u32, content: &str| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        })
    };
    let word = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0},
        "padding": null,
        "added_tokens": [special(BEGIN, "<|startoftext|>"), special(END, "<|endoftext|>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": word}, "behavior": "Removed", "invert": true}, bytes.clone(),
        ]},
        "post_processor": {
            "type": "RobertaProcessing", "sep": ["<|endoftext|>", END], "cls": ["<|startoftext|>", BEGIN],
            "trim_offsets": false, "add_prefix_space": false,
        },
        "decoder": bytes,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "vocab": vocab(), "merges": MERGES,
        },
    })
}

fn short() -> TokenizerSettings {
    TokenizerSettings { length: LENGTH, ..TokenizerSettings::default() }
}

/// Stable Diffusion 2.1's files disagree about the padding; the second one holds.
fn stable_diffusion_2_1() -> TokenizerSettings {
    let config =
        br#"{"model_max_length": 77, "pad_token": "<|endoftext|>", "unk_token": {"content": "<|endoftext|>"}}"#;
    let map = br#"{"bos_token": {"content": "<|startoftext|>", "lstrip": false}, "pad_token": "!"}"#;
    TokenizerSettings::from_json(Some(config), Some(map)).unwrap()
}

/// A whole row: beginning, ids, end, padding.
fn row(ids: &[u32], padding: u32) -> Vec<u32> {
    let mut row = [&[BEGIN], ids, &[END]].concat();
    row.resize(LENGTH, padding);
    row
}

#[test]
fn parity_clip_tokens() {
    let with_end = tokenizer(&short());
    let with_mark = tokenizer(&TokenizerSettings { length: LENGTH, ..stable_diffusion_2_1() });
    for &(text, ids) in TEXTS {
        assert_eq!(with_end.encode(text).unwrap().ids, row(ids, END), "{text}");
        assert_eq!(with_mark.encode(text).unwrap().ids, row(ids, EXCLAMATION_MARK), "{text}");
    }
    println!("| clip_tokens {} texts | 0 | 0 |", TEXTS.len());
}

#[test]
fn parity_clip_tokens_where_the_padding_is_in_the_text() {
    let with_end = tokenizer(&short());
    let with_mark = tokenizer(&TokenizerSettings { length: LENGTH, ..stable_diffusion_2_1() });
    for (text, ids, mark_ids) in [
        ("hello!", &[71, 68, 75, 75, 334, 256][..], &[71, 68, 75, 75, 334, 0][..]),
        ("what!! no !", &[86, 71, 64, 339, 531, 77, 334, 256], &[86, 71, 64, 339, 0, 0, 77, 334, 0]),
    ] {
        assert_eq!(with_end.encode(text).unwrap().ids, row(ids, END), "{text}");
        assert_eq!(with_mark.encode(text).unwrap().ids, row(mark_ids, EXCLAMATION_MARK), "{text}");
    }
}

#[test]
fn parity_clip_tokens_from_tokenizer_json() {
    let json = serde_json::to_vec(&tokenizer_json()).unwrap();
    let tokenizer = ClipTokenizer::from_tokenizer_json(&json, &short()).unwrap();
    for text in ["", "The  lighthouse keeper's boat", "café Cafe\u{301} 1987!!", "--- ... (the) [house], \"and\" & #1!"]
    {
        assert_eq!(tokenizer.encode(text).unwrap(), self::tokenizer(&short()).encode(text).unwrap(), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_said_from_its_first_word_on() {
    let tokenizer = tokenizer(&TokenizerSettings { length: 7, ..TokenizerSettings::default() });
    for (text, left_out) in [
        ("", None),
        ("the house and the", None),
        ("the house and the  ", None),
        ("The house and the KEEPER", Some("KEEPER")),
        ("the the the the Keeper of the  House ", Some("of the  House")),
        // Only the second half of "house" does not fit, and half a word tells nothing.
        ("the the the the house, the", Some("house, the")),
        ("漢字 é", Some("字 é")),
    ] {
        let tokens = tokenizer.encode(text).unwrap();
        assert_eq!(tokens.left_out.as_deref(), left_out, "{text}");
        assert_eq!((tokens.ids.len(), tokens.ids[0], tokens.ids[6]), (7, BEGIN, END));
    }
}

#[test]
fn settings_come_from_the_files_as_transformers_take_them() {
    assert_eq!(TokenizerSettings::from_json(None, None).unwrap(), TokenizerSettings::default());
    let default = TokenizerSettings::default();
    assert_eq!((default.length, default.padding.as_str()), (77, "<|endoftext|>"));
    assert_eq!(stable_diffusion_2_1(), TokenizerSettings { padding: "!".to_owned(), ..default.clone() });

    // A file that lists its added tokens is complete.
    let complete = br#"{"added_tokens_decoder": {"0": {"content": "!"}}, "pad_token": "!", "model_max_length": 1e30}"#;
    let map = br#"{"pad_token": "<|endoftext|>"}"#;
    let settings = TokenizerSettings::from_json(Some(complete), Some(map)).unwrap();
    assert_eq!(settings, TokenizerSettings { padding: "!".to_owned(), ..default });

    let error = TokenizerSettings::from_json(Some(b"{"), None).unwrap_err();
    assert!(matches!(error, TokenizerError::Damaged { file: "tokenizer_config.json", .. }), "{error}");
    let error = TokenizerSettings::from_json(None, Some(br#"{"pad_token": 3}"#)).unwrap_err();
    assert!(matches!(error, TokenizerError::Damaged { file: "special_tokens_map.json", .. }), "{error}");
}

#[test]
fn damaged_tokenizer_files_are_errors() {
    let vocab = serde_json::to_vec(&vocab()).unwrap();
    let error = |vocab: &[u8], merges: &str, settings: &TokenizerSettings| {
        ClipTokenizer::from_vocab(vocab, merges.as_bytes(), settings).unwrap_err().to_string()
    };
    let settings = TokenizerSettings::default();
    assert!(error(&vocab[..100], &merges(), &settings).starts_with("vocab.json: "));
    // Longer than every token that there is.
    let long = format!("#version\n{}", ["<|startoftext|> <|endoftext|>"; 2].join("\n"));
    assert!(error(&vocab, &long, &settings).starts_with("merges.txt: line 2: "));
    assert!(error(&vocab, "#version\nt h\nt h e", &settings).starts_with("merges.txt: line 3: "));
    assert!(error(&vocab, "#version\nt h\nq q", &settings).contains("\"qq\""));
    for settings in [
        TokenizerSettings { padding: "<pad>".to_owned(), ..settings.clone() },
        TokenizerSettings { unknown: "<pad>".to_owned(), ..settings.clone() },
        TokenizerSettings { begin: "<pad>".to_owned(), ..settings.clone() },
    ] {
        assert!(error(&vocab, &merges(), &settings).contains("\"<pad>\""));
    }
    assert!(error(&vocab, &merges(), &TokenizerSettings { length: 1, ..settings.clone() }).contains("1 tokens"));
    let json = ClipTokenizer::from_tokenizer_json(b"{}", &settings).unwrap_err().to_string();
    assert!(json.starts_with("tokenizer.json: "), "{json}");
}
