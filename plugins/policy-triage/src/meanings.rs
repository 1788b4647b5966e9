//! Words that mean much the same, in Chinese and in English. The classifier also sees what they mean, so that what it learnt
//! of one holds for the others, and across languages.

/// Each line is a meaning, known by its place. Chinese words are no longer than a feature; English ones need no endings.
const MEANINGS: &[&str] = &[
    "钱 款 余额 存款 零钱 资金 工资 积蓄 养老钱 元 块 money cash fund balance saving buck dollar euro pound usd quid grand",
    "卡 信用卡 银行卡 储蓄卡 花呗 白条 微信 支付宝 钱包 借呗 card visa mastercard amex paypal bank wallet klarna",
    "扣 刷 划 扣款 扣费 扣钱 收费 消费 支出 账单 流水 charge charging debit bill took take taken taking withdrawn withdrew statement transaction deduct",
    "两次 两遍 两回 重复 双倍 两笔 再次 两份 双份 三次 三笔 两条 好几笔 多次 又 twice double duplicate again triple identical same 2x",
    "没了 不见 少了 消失 空了 光了 清空 归零 不翼 丢了 丢 遗失 gone missing vanish disappear empty emptied drain lost lose",
    "多收 多扣 多刷 多付 多划 多了 多出 莫名 无故 平白 莫名其 无缘无 乱扣 偷偷 私自 擅自 unknown unauthorized unauthorised unrecognised unrecognized strange weird odd suspicious unfamiliar unexpected overcharge fraudulent",
    "不是我 非本人 没买 没下单 没操作 没点 没授权 没同意 不知情 不认识 没开 没签 没付 没用过 没登 没去过 wasn't isn't never didn't haven't hasn't wasnt isnt didnt without consent permission not",
    "别人 有人 陌生 他人 人家 外人 谁 陌生人 不明 someone somebody stranger thief hacker else",
    "盗 偷 被盗 盗刷 盗用 盗号 黑了 被黑 入侵 撞库 hack stolen stole steal hijack compromised breach takeover",
    "骗 诈骗 被骗 骗子 骗走 冒充 冒用 假客服 钓鱼 骗局 上当 转走 转账 刷单 scam scammed scammer fraud fraudster phishing con conned tricked swindled impersonating pretending pretended",
    "账号 账户 号 会员 账 用户 account profile login acct user username membership",
    "登录 登陆 登 登入 异地 设备 上线 sign log logged device session",
    "密码 验证码 绑定 手机号 邮箱 口令 password code pin otp email mail",
    "被改 换了 改了 改成 换成 变成 换掉 篡改 改绑 换绑 修改 更改 change swap swapped replaced edit update",
    "封 锁 冻 冻结 封号 被封 被锁 限制 停用 锁定 lock suspend block frozen freeze ban banned disable",
    "信息 资料 隐私 住址 个人 身份 身份证 数据 detail data personal information info identity database",
    "泄露 泄漏 外泄 暴露 卖了 流出 漏了 leak exposed dumped sold",
    "着火 起火 冒烟 烧 火 糊味 焦 焦味 火花 火苗 自燃 烟 冒火 烧焦 fire smoke flame burn burnt smoking spark melt caught ablaze ignite",
    "漏电 触电 电到 电了 麻 过电 被电 麻手 带电 短路 跳闸 shock zap electric electrocuted jolt",
    "爆 炸 爆炸 崩 自爆 炸了 爆了 炸裂 鼓包 膨胀 explode explosion burst blew bulging swollen swelling",
    "手 脸 头 脚 腿 眼 眼睛 嘴 皮肤 胳膊 手指 嘴唇 额头 腰 牙 喉咙 hand face skin finger eye arm leg head mouth lip wrist foot scalp throat",
    "伤 肿 出血 流血 疼 痛 割 烫 骨折 缝 红疹 砸 摔 划破 受伤 烫伤 烧伤 起泡 水泡 cut injured injury bleed hurt stitch blister bruise broke scald wound",
    "医院 急诊 抢救 住院 救护车 医生 输液 挂水 手术 120 119 消防 hospital ambulance doctor er surgery clinic paramedic firefighter",
    "孩子 宝宝 娃 儿子 女儿 小孩 老人 孕妇 老婆 老公 我妈 我爸 奶奶 爷爷 孙子 婴儿 全家 baby child kid toddler son daughter wife husband mum mom dad grandma family children",
    "吃 喝 吞 咽 误食 吃了 喝了 服用 ate eat swallow drank drink choke choking bite",
    "吐 拉肚子 过敏 晕 中毒 恶心 呼吸 昏 喘 头晕 呕吐 晕倒 难受 抽搐 vomit sick rash allergic faint poison breathe dizzy ill nausea collapse allergy",
    "煤气 燃气 漏气 一氧化 液化气 gas carbon monoxide fume toxic",
    "不活 自杀 跳楼 去死 想死 轻生 天台 楼顶 活不下 割腕 suicide kill die end living dying alive",
    "威胁 打我 打人 恐吓 骚扰 跟踪 害怕 动手 好怕 砸门 堵 threaten hit punched assault scared afraid unsafe pushed shoved followed beat",
    "报警 派出所 警察 公安 民警 报案 警方 police cop officer",
    "付 支付 付款 结账 付钱 充值 尾款 定金 买单 结算 付了 pay paid payment checkout deposit topup",
    "失败 不了 报错 异常 卡住 不上 闪退 出错 转圈 不成功 没反应 被拒 超时 黑屏 白屏 fail declined error rejected stuck crash hang spinning bounced unsuccessful",
    "订单 单子 下单 单 这单 那单 一单 order purchase",
    "快递 包裹 物流 件 货 运单 单号 箱子 parcel package courier tracking delivery shipment box carrier",
    "发货 配送 派送 寄 送货 运费 包邮 顺丰 到货 邮费 ship shipping deliver dispatch shipped post",
    "还没 没到 一直没 未 没收到 没动 没发 没更新 没消息 没影 不发 still yet waiting nothing nowhere hasnt",
    "签收 送到 送达 驿站 代收 妥投 已签收 门口 放门口 delivered signature doorstep porch mailbox",
    "几天 一周 半个月 慢 催 迟 两周 三天 十天 一个月 好几天 延误 拖 磨蹭 day week late overdue delay month slow due monday",
    "退货 换货 退换 寄回 换码 退回 换个 换一个 return exchange replacement sendback",
    "退款 退钱 退费 退 赔 返现 退掉 refund reimbursement reimburse",
    "拒 不给 不让 驳回 不肯 不退 拒绝 不认 少退 折旧 凭什么 denied deny refuse deducted kept",
    "坏 碎 裂 破 断 烂 发霉 开胶 坏了 碎了 裂了 瑕疵 掉漆 破损 变形 过期 臭 broken crack damage torn snapped defective faulty dead dented scratched rotten mouldy shattered",
    "不符 不一样 错 少发 漏发 色差 发错 少件 假货 仿 缺 两码事 different wrong described advertised counterfeit fake incomplete knockoff",
    "修 维修 保修 安装 师傅 上门 报修 检测 质保 过保 装 repair warranty engineer installation fix install technician guarantee fitting",
    "投诉 差评 态度 失望 敷衍 不满 不理 没人管 推来推 糊弄 恶劣 complaint complain rude disappointed unhappy service useless ignored unhelpful terrible worst awful",
    "12315 律师 法院 消协 媒体 曝光 起诉 仲裁 黑猫 记者 维权 工商 市监 lawyer court press lawsuit ombudsman solicitor sue attorney newspaper legal regulator",
    "经理 领导 主管 老板 负责人 总部 总公司 店长 manager supervisor boss headquarters director",
    "券 优惠 活动 满减 折 赠品 秒杀 红包 打折 促销 便宜 双十一 618 预售 coupon discount sale offer voucher promo deal promotion",
    "尺码 颜色 材质 型号 容量 多大 多重 面料 规格 功率 口味 尺寸 size colour color material model weight dimension fabric spec",
    "有货 现货 库存 补货 推荐 区别 适合 兼容 哪款 stock available recommend difference suitable compatible",
    "发票 抬头 专票 税号 开票 收据 报销 invoice receipt vat",
    "吗 怎么 多少 什么 几 哪 能不能 咋 如何 呢 么 how what when where which can could do",
    "急 尽快 马上 加急 赶紧 立刻 快点 火速 来不及 急用 urgent asap immediately hurry now quick rush",
    "喜欢 好看 不错 好评 满意 好用 好吃 赞 夸 惊艳 love great thank perfect adore excellent happy amazing",
    "建议 希望 评价 反馈 意见 suggestion feedback review suggest idea",
    "买 拍 购 买了 买的 拍了 买过 bought buy",
    "网 网络 断网 信号 没电 wifi 宽带 internet network signal connection battery router server broadband",
    "天气 下雨 开会 路上 下班 吃饭 睡 周末 上班 学校 weather meeting train lunch weekend holiday school football dinner",
    "不想要 不喜欢 不合适 大了 小了 后悔 不要了 不好看 显黑 穿不了 fit suit mind tight small big",
    "谢谢 好的 你好 在吗 嗯 知道了 辛苦 再见 早上好 hi hello hey ok okay bye thanks cheers morning",
    "人工 真人 客服 电话 热线 转人工 human agent person phone hotline operator representative",
    "注册 注销 昵称 实名 订阅 头像 register signup unsubscribe newsletter nickname",
    "锅 充电宝 充电器 插座 电池 热水器 取暖器 电饭锅 电动车 电器 灶 charger heater toaster kettle stove oven blanket cooker appliance",
    "花瓶 衣服 鞋 裤子 裙子 杯子 沙发 包 手机 电脑 玩具 dress shoe shirt sofa lamp toy laptop",
    "防 报警器 灭火器 警车 玩具枪 急救包 detector alarm extinguisher kit",
    "积分 会员费 续费 包月 自动续 试用 subscription renew renewal trial point",
    "链接 网址 二维码 扫码 短信 屏幕 link website text sms whatsapp qr",
    "死了 要命 疯 爆款 爆单 炸鸡 气死 笑死 累死",
    "气 火大 垃圾 烦 无语 废物 滚 angry ridiculous disgusting furious idiot liar joke pathetic damn bloody hell",
];

/// Endings that change nothing of what an English word means.
const ENDINGS: [&str; 7] = ["s", "'s", "es", "d", "ed", "ing", "ly"];

/// A power of two, four times as many as there are words: most lookups are of what is no word, and end at the first slot.
const SLOTS: usize = 8_192;

/// Which word means what: a hash table. Every run of letters of a text is looked up, some hundred of each message.
pub struct Meanings(Vec<Option<(&'static str, u8)>>);

impl Default for Meanings {
    fn default() -> Self {
        let mut table = Self(vec![None; SLOTS]);
        for (line, number) in MEANINGS.iter().zip(0..) {
            for word in line.split(' ') {
                let slot = table.slot(word);
                table.0[slot] = Some((word, number));
            }
        }
        table
    }
}

impl Meanings {
    /// The number of what a word means, also where it has an ending.
    pub(crate) fn of(&self, word: &str) -> Option<u8> {
        let known = |word: &str| self.0[self.slot(word)].map(|(_, number)| number);
        known(word).or_else(|| ENDINGS.iter().find_map(|ending| word.strip_suffix(ending).and_then(known)))
    }

    /// Where a word is, or where it would be.
    fn slot(&self, word: &str) -> usize {
        let hash = word.bytes().fold(0u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x9e37_79b1));
        let first = hash as usize >> (u32::BITS - SLOTS.ilog2());
        let slots = (first..SLOTS).chain(0..first);
        let is = |at: &usize| self.0[*at].is_none_or(|(known, _)| known == word);
        slots.into_iter().find(is).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::LONGEST_RUN;
    use tributary_sdk::text::chinese;

    #[test]
    fn a_word_means_one_thing_and_can_be_found() {
        let meanings = Meanings::default();
        for (line, number) in MEANINGS.iter().zip(0..) {
            for word in line.split(' ') {
                assert_eq!(meanings.of(word), Some(number), "{word}");
                assert!(!word.is_empty() && (!word.contains(chinese) || word.chars().count() <= LONGEST_RUN), "{word}");
            }
        }
        let words = MEANINGS.iter().flat_map(|line| line.split(' ')).count();
        assert_eq!(meanings.0.iter().flatten().count(), words);
        assert!(words * 4 <= SLOTS, "{words}");
    }

    #[test]
    fn words_of_both_languages_and_with_endings_mean_the_same() {
        let meanings = Meanings::default();
        let stolen = meanings.of("盗刷");
        assert!(stolen.is_some() && stolen == meanings.of("stolen"));
        assert_eq!(meanings.of("refunds"), meanings.of("退款"));
        assert_eq!(meanings.of("ჯიქა"), None);
    }
}
