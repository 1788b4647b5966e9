//! What mail clients write around quoted history, in the languages customers write from.
//!
//! Everything is in lower case. Lists that are searched by halving are sorted by bytes; tests watch over that.

/// What a line of a header block tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The author.
    From,
    /// The moment.
    Date,
    /// A recipient.
    To,
    /// The subject.
    Subject,
    /// Anything else that stands in such blocks.
    Other,
}

/// The field that a key names, without its colon, in lower case.
pub fn field(key: &str) -> Option<Field> {
    let at = FIELDS.binary_search_by_key(&key, |(name, _)| name).ok()?;
    FIELDS.get(at).map(|(_, field)| *field)
}

use Field::{Date, From, Other, Subject, To};

#[rustfmt::skip]
const FIELDS: &[(&str, Field)] = &[
    ("a", To), ("aan", To), ("afsender", From), ("aihe", Subject), ("alıcı", To), ("an", To), ("anlagen", Other),
    ("antwort an", Other), ("antworten an", Other), ("assunto", Subject), ("asunto", Subject),
    ("attachment", Other), ("attachments", Other), ("avsändare", From), ("bcc", To), ("betreff", Subject),
    ("bijlagen", Other), ("bilgi", To), ("cc", To), ("ccs", To), ("copia", To), ("címzett", To), ("cópia", To),
    ("da", From), ("data", Date), ("date", Date), ("dato", Date), ("datum", Date), ("de", From), ("de la", From),
    ("delivered-to", Other), ("destinataire", To), ("destinatario", To), ("do", To), ("dátum", Date),
    ("elküldve", Date), ("emne", Subject), ("enviada", Date), ("enviada em", Date), ("enviado", Date),
    ("enviado el", Date), ("envoyé", Date), ("envoyé le", Date), ("expeditor", From), ("expéditeur", From),
    ("fecha", Date), ("feladó", From), ("fra", From), ("from", From), ("från", From), ("gesendet", Date),
    ("gesendet am", Date), ("gönderen", From), ("gönderilen", Date), ("importance", Other), ("in-reply-to", Other),
    ("inviato", Date), ("kimden", From), ("kime", To), ("komu", To), ("konu", Subject), ("kopi", To), ("kopia", To),
    ("kopie", To), ("kopio", To), ("küldve", Date), ("lähetetty", Date), ("lähettäjä", From), ("message-id", Other),
    ("mittente", From), ("másolat", To), ("nadawca", From), ("objet", Subject), ("od", From), ("odbiorca", To),
    ("odesláno", Date), ("oggetto", Subject), ("onderwerp", Subject), ("organization", Other), ("para", To),
    ("poslano", Date), ("poslané", Date), ("pre", To), ("predmet", Subject), ("priority", Other),
    ("päivämäärä", Date), ("předmět", Subject), ("received", Date), ("remetente", From), ("remitente", From),
    ("reply to", Other), ("reply-to", Other), ("responder a", Other), ("return-path", Other), ("rispondi a", Other),
    ("risposta", Other), ("répondre à", Other), ("sender", From), ("sendt", Date), ("sent", Date),
    ("sent at", Date), ("sent on", Date), ("skickat", Date), ("subiect", Subject), ("subject", Subject),
    ("sujet", Subject), ("tarih", Date), ("temat", Subject), ("til", To), ("till", To), ("to", To),
    ("tárgy", Subject), ("van", From), ("vastaanottaja", To), ("verzonden", Date), ("von", From), ("wysłano", Date),
    ("za", To), ("zadeva", Subject), ("à", To), ("ämne", Subject), ("από", From), ("ημερομηνία", Date),
    ("θέμα", Subject), ("προς", To), ("від", From), ("від кого", From), ("дата", Date), ("кому", To),
    ("копия", To), ("надіслано", Date), ("от", From), ("от кого", From), ("ответить", Other), ("отправлено", Date),
    ("тема", Subject), ("אל", To), ("מאת", From), ("נושא", Subject), ("תאריך", Date), ("إلى", To),
    ("التاريخ", Date), ("الموضوع", Subject), ("من", From), ("主旨", Subject), ("主題", Subject), ("主题", Subject),
    ("件名", Subject), ("优先级", Other), ("傳送日期", Date), ("傳送時間", Date), ("副本", To), ("副本抄送", To), ("发件人", From),
    ("发件日期", Date), ("发件时间", Date), ("发信人", From), ("发送人", From), ("发送日期", Date), ("发送时间", Date), ("发送者", From),
    ("回复", Other), ("宛先", To), ("寄件人", From), ("寄件日期", Date), ("寄件者", From), ("密件抄送", To), ("密送", To),
    ("差出人", From), ("抄送", To), ("抄送人", To), ("收件人", To), ("收件者", To), ("收信人", To), ("日付", Date), ("日時", Date),
    ("日期", Date), ("时间", Date), ("時間", Date), ("标题", Subject), ("標題", Subject), ("發件人", From), ("發送日期", Date),
    ("發送時間", Date), ("答复", Other), ("送信日時", Date), ("送信者", From), ("重要性", Other), ("附件", Other), ("날짜", Date),
    ("받는 사람", To), ("받는사람", To), ("보낸 날짜", Date), ("보낸 사람", From), ("보낸날짜", Date), ("보낸사람", From), ("제목", Subject),
    ("참조", To),
];

/// How the sentence before a quotation ends: "… wrote".
#[rustfmt::skip]
pub const VERBS: &[&str] = &[
    "wrote", "writes", "wrote the following", "a écrit", "écrit", "écrivait", "schrieb", "geschrieben", "schreef",
    "geschreven", "escribió", "escribio", "escreveu", "ha scritto", "scrive", "skrev", "skrev följande", "napisał(a)",
    "napisał", "napisała", "napisal(a)", "napsal(a)", "napsal", "napsala", "napísal(a)", "написал", "написала",
    "написал(а)", "пишет", "писал", "писал(а)", "пише", "написав", "написав(ла)", "написа", "kirjoitti", "şunu yazdı",
    "yazdı", "írta", "έγραψε", "a scris", "đã viết", "menulis", "写道", "寫道", "写到", "寫到", "写", "님이 작성",
    "님이 씀", "작성", "さんは書きました", "さんが書きました", "のメール", "כתב", "כתבה", "كتب",
];

/// The same inside a sentence that goes on with the author or the date.
#[rustfmt::skip]
pub const INNER_VERBS: &[&str] = &[
    " schrieb ", " schreef ", " skrev ", " a écrit ", " napisał", " wrote ", " escribió ", " escreveu ", " ha scritto ",
    " kirjoitti ", " написал", " пишет ",
];

/// How such a sentence begins where it begins with the date; a blank follows.
#[rustfmt::skip]
pub const OPENERS: &[&str] = &[
    "on", "at", "le", "am", "op", "den", "el", "il", "em", "dnia", "w dniu", "dne", "dňa", "в", "у", "pe", "på", "pada",
    "vào", "am:", "il giorno", "no dia", "a", "ons", "tis", "tors", "fre", "mån", "lör", "sön",
];

/// Words between the dashes of `----- Original Message -----`.
#[rustfmt::skip]
pub const MARKERS: &[&str] = &[
    "original", "origin", "forward", "ursprüngliche", "weitergeleitet", "transfér", "transferid", "reenviado",
    "encaminhad", "inoltrat", "ursprungligt", "vidarebefordra", "oprindelig", "opprinnelig", "videresend",
    "oorspronkelijk", "doorgestuurd", "alkuperäinen", "välitetty", "oryginaln", "przekazan", "původní", "přeposlan",
    "eredeti", "továbbított", "исходное", "пересыл", "переслан", "вихідн", "переслан", "orijinal", "iletilen",
    "原始", "原邮件", "邮件原件", "转发", "轉寄", "轉發", "回复的", "回覆的", "回復", "原郵件", "原信", "원본", "전달", "転送",
    "元のメッセージ", "reply message", "replied message",
];

/// Whole lines that introduce a forwarded mail without dashes, without their colon.
#[rustfmt::skip]
pub const FORWARDS: &[&str] = &[
    "begin forwarded message", "anfang der weitergeleiteten nachricht", "début du message réexpédié",
    "début du message transféré", "inizio messaggio inoltrato", "inicio del mensaje reenviado",
    "início da mensagem encaminhada", "doorgestuurd bericht", "vidarebefordrat brev", "videresendt besked",
    "początek przekazywanej wiadomości", "начало переадресованного сообщения", "开始转发邮件", "开始转发的邮件",
    "下面是被转发的邮件", "下面是转发的邮件", "以下是转发的邮件", "開始轉寄郵件", "轉寄的郵件", "転送されたメッセージ",
];

/// Beginnings of the line a phone or a client adds.
#[rustfmt::skip]
pub const SENT_BY: &[&str] = &[
    "envoyé depuis", "envoyé de mon", "envoyé à partir", "von meinem", "gesendet von", "gesendet mit", "gesendet über",
    "diese nachricht wurde von mein", "enviado desde", "enviado do", "enviado a partir", "enviado de mi",
    "enviado pelo", "inviato da", "inviato dal", "verzonden met", "verzonden vanaf", "verstuurd vanaf",
    "verstuurd met", "verzonden via", "sendt fra", "skickat från", "skickat med", "lähetetty", "wysłane z", "wysłano z",
    "отправлено с", "отправлено из", "відправлено з", "надіслано з", "odesláno z", "gönderildi", "iphone'umdan",
    "发自我的", "发自 ", "发自手机", "發自我的", "来自我的", "从我的", "從我的", "发送自", "傳送自", "获取 outlook", "获取[outlook",
    "下载 outlook", "取得 outlook", "从 windows", "从 outlook", "發送自", "来自网易邮箱", "来自 outlook", "来自outlook",
    "由 网易邮箱", "由网易邮箱", "网易邮箱大师", "发自新浪", "发自网易", "发自qq", "get outlook for", "get [outlook", "download outlook",
    "obtenir outlook", "outlook für", "outlook para", "scarica outlook", "from my ", "sent by galaxy",
    "sent from my", "sent from a phone", "sent with airmail", "sent with proton", "sent from proton",
];

/// Ends of such lines.
#[rustfmt::skip]
pub const SENT_BY_ENDS: &[&str] =
    &["から送信", "에서 보냄", "에서 전송", "from mobile", "传送", "傳送", "网易邮箱大师 定制", "网易邮箱大师定制", "iphone發送"];

/// Beginnings that count only with one of [`DEVICES`] behind them.
#[rustfmt::skip]
pub const SENT: &[&str] = &["sent from", "sent via", "sent with", "sent using", "sent by"];

/// What a message is sent from.
#[rustfmt::skip]
pub const DEVICES: &[&str] = &[
    "my ", "mail", "outlook", "mobile", "phone", "ipad", "ipod", "galaxy", "android", "windows", "blackberry", "device",
    "tablet", "samsung", "huawei", "xiaomi", "macbook", "thunderbird", "spark", "proton", "yahoo", "aol",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted_and_found() {
        for pair in FIELDS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} before {}", pair[1].0, pair[0].0);
        }
        for (key, found) in
            [("from", From), ("发件人", From), ("发送时间", Date), ("betreff", Subject), ("받는 사람", To)]
        {
            assert_eq!(field(key), Some(found), "{key}");
        }
        assert_eq!(field("price"), None);
    }

    #[test]
    fn everything_is_in_lower_case() {
        let lists = [VERBS, INNER_VERBS, OPENERS, MARKERS, FORWARDS, SENT_BY, SENT_BY_ENDS, SENT, DEVICES];
        for word in lists.into_iter().flatten() {
            assert_eq!(*word, word.to_lowercase());
        }
    }
}
