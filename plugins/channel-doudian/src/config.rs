//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one shop of 抖店.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The app's key (app_key), 19 digits.
    pub app_key: String,
    /// The shop's number (shop_id).
    pub shop_id: String,
    /// Origin of the open platform.
    pub api: String,
    /// Whose app it is.
    pub app: App,
    /// Seconds before its end at which the access token is renewed.
    pub token_margin_seconds: u32,
    /// Whether an order is looked up before it is told on.
    pub complete: bool,
    /// Seconds after which what is known is told although the look-up does not work.
    pub patience_seconds: u32,
    /// Seconds between two tries of a look-up. At least 1.
    pub retry_seconds: u32,
    /// Days for which the id of a message is remembered. 1 to 365.
    pub remember_messages_days: u32,
    /// Days for which the picture of an order is kept after its last change. 1 to 10,000.
    pub remember_orders_days: u32,
    /// Days for which an act is remembered under its key. 1 to 10,000.
    pub remember_acts_days: u32,
    /// Number of the address that goods are sent back to.
    #[serde(default)]
    pub return_address_id: Option<u64>,
    /// What each tag of a message means.
    pub tags: BTreeMap<String, Tag>,
    /// The numbers of what `/afterSale/operate` does.
    pub operate: Operate,
}

/// Whose app it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum App {
    /// 自用型: the shop's own.
    #[serde(rename = "self")]
    Own,
    /// 工具型: for many shops, each of which authorises it.
    Tool,
}

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// 订单创建
    Created,
    /// 订单已支付待处理
    Pending,
    /// 订单支付/确认
    Paid,
    /// 卖家发货
    Shipped,
    /// 卖家部分发货
    PartlyShipped,
    /// 发货物流信息变更
    LogisticsChanged,
    /// 交易完成
    Completed,
    /// 订单取消
    Cancelled,
    /// 买家收货信息变更
    AddressChanged,
    /// 买家收货信息变更申请
    AddressAsked,
    /// 订单金额修改
    AmountChanged,
    /// 卖家添加备注
    Memo,
    /// 订单发货时效变更
    DeliveryTime,
    /// 买家发起或修改售后申请
    RefundAsked,
    /// 同意退款
    RefundAgreed,
    /// 同意退货申请
    ReturnAgreed,
    /// 买家退货给卖家
    GoodsSentBack,
    /// 拒绝退款
    RefundRefused,
    /// 拒绝退货申请
    ReturnRefused,
    /// 退款成功
    RefundDone,
    /// 售后关闭
    RefundClosed,
    /// 买家发起客服仲裁
    Arbitration,
}

/// The numbers of what `/afterSale/operate` does.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Operate {
    /// 同意退货: the buyer may send the goods back.
    pub agree_return: u32,
    /// 确认收货退款: the goods are back, and the money goes back.
    pub confirm_goods: u32,
    /// 同意仅退款: the money goes back without the goods.
    pub agree_refund: u32,
    /// 同意换货: the buyer may send the goods back for other ones.
    pub agree_exchange: u32,
}
