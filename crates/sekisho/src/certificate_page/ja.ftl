# 証明書情報ページの日本語。同じ名前のメッセージが en.ftl にもある。

title = { $service } の証明書情報
intro = このメールサービスが提示する TLS 証明書の情報です。証明書を検証またはピン留めする取引先、および検証に必要な通信をファイアウォールで許可する取引先の管理者向けに公開しています。
as-of = { $date }現在
other-language = English
nothing-published = 公開している証明書はありません。
json = プログラム向けの同じ情報（JSON）

# 役割
role-heading = { $names }
role-server = メールを受信するとき、次のホストがサーバー証明書として提示します: { $names }
role-client = メールを送信するとき、相手から要求されれば次の名前（EHLO）のホストがクライアント証明書として提示します: { $names }
role-name = 運用上の名称: { $name }
move-at = 証明書は { $instant }に切り替わります。
move-was = 証明書は { $instant }に切り替わりました。
move-undecided = 次の証明書の準備ができています。切り替え日時は未定です。
move-columns = 切り替えまで新旧の証明書を並べて掲載します。印のある行は値が異なります。
move-columns-since = 当面の間、新旧の証明書を並べて掲載します。印のある行は値が異なります。

# 取引先での対応
steps = 必要な対応
no-steps = 対応は不要です。TLS でメールを受信できれば十分です。
step-trust-root = 次のルート認証局を信頼してください: { $root }
step-trust-root-before = { $instant }までに、次のルート認証局も信頼してください: { $root }
step-trust-root-next = 次の証明書のために、次のルート認証局も信頼してください: { $root }
step-issuer-unknown = 証明書チェーンの発行元である次の認証局を信頼してください: { $root }
step-replace-pin = 公開鍵または証明書をピン留めしている場合は、{ $instant }までに、現在のものに加えて新しいものも許可してください。
step-replace-pin-undecided = 公開鍵または証明書をピン留めしている場合は、現在のものに加えて新しいものも許可してください。切り替え日時は決まり次第ここに掲載します。
step-drop-pin = 公開鍵または証明書をピン留めしている場合: { $instant }以降は新しいものだけを提示しています。古いものは削除できます。
step-drop-pin-undated = 公開鍵または証明書をピン留めしている場合: 現在は新しいものだけを提示しています。古いものは削除できます。
step-keep-pin = 公開鍵をピン留めしている場合、鍵は変わらないため対応は不要です。証明書そのものをピン留めしている場合は、新しい証明書に更新してください。
step-pin-self-signed = この証明書は自己署名であり、認証局は発行していません。検証する場合は、別の経路でフィンガープリントを確認したうえでピン留めしてください。
step-open-hosts = サーバーが証明書の失効確認や不足している証明書の取得を行う場合は、次のホストへの通信を許可してください。
step-accept-client = 次の名前の接続元からは、クライアント証明書としても受け入れてください: { $names }
step-accept-client-usage = 拡張キー使用法はサーバー認証（serverAuth）のみです。公的な認証局はクライアント認証用の証明書を発行しなくなっているため、クライアント証明書としても許可してください。

# 表の行
family-ecdsa = ECDSA 鍵の証明書
family-rsa = RSA 鍵の証明書
family-other = 証明書
family-both = 接続相手が検証できる方の証明書を提示します。両方に対応してください。
column-row = 項目
column-current = 現在の証明書
column-current-until = 現在の証明書（{ $date }まで）
column-current-since = 現在の証明書（{ $date }から）
column-next = 次の証明書
column-next-from = 次の証明書（{ $date }から）
column-previous = 以前の証明書
column-previous-until = 以前の証明書（{ $date }まで）
changed = 変更
row-root = ルート証明書
row-name = 共通名（CN）
row-organization = 組織（O）
row-unit = 組織単位（OU）
row-names = サブジェクトの別名（SAN）
more-names = ほか { $count } 件
row-issuer = 発行者
row-key = 鍵の種類と強度
row-not-before = 有効期間の開始
row-not-after = 有効期間の終了
row-serial = シリアル番号
row-sha256 = SHA-256 フィンガープリント
row-sha1 = SHA-1 フィンガープリント（拇印）
row-spki = 公開鍵（SPKI）の SHA-256
row-spki-base64 = 同上（Base64）
row-tlsa = TLSA レコードの値
row-issuers = 中間証明書
row-download = ダウンロード
download-chain = 証明書チェーン（PEM）
download-certificate = 証明書（DER）
until = { $date }まで
none = なし
key-rsa = RSA { $bits } ビット
key-curve = ECDSA { $curve }
root-trusted = このサービスでも信頼しています
root-presented = 証明書とともに提示します
root-self-signed = 自己署名のため、ありません
root-unknown = 発行者として記載されていますが、提示しません

# アドレス
endpoints = 証明書チェーンに記載されたアドレス
column-purpose = 用途
column-address = アドレス
endpoint-crl = 失効リスト（CRL）
endpoint-ocsp = 失効状態の確認（OCSP）
endpoints-fault = 一部のアドレスを表示できません: { $why }
endpoint-issuer = 発行者の証明書（AIA）

# 確認方法
check = 確認方法
check-root-windows = ルート証明書の有無の確認（Windows。certlm.msc の「信頼されたルート証明機関」でも確認できます）:
check-root-unix = ルート証明書の有無の確認（OpenSSL とダウンロードした証明書チェーンを使用）:
check-url-windows = アドレスに到達できるかどうかの確認（Windows。「CRL」または「証明書」を選び、「取得」を押します）:
check-url-unix = アドレスに到達できるかどうかの確認（その他のシステム）:
check-file = ダウンロードした証明書チェーンのフィンガープリントの確認:

# 対応ごとの情報
fact-root-key = 鍵
fact-until = 有効期限
fact-sha256 = SHA-256 フィンガープリント
fact-sha1 = SHA-1 フィンガープリント（拇印）
fact-published-at = 公開場所
fact-new-pin = 新しい公開鍵（SPKI の SHA-256）
fact-old-pin = 現在の公開鍵（SPKI の SHA-256）
fact-pin = 公開鍵（SPKI の SHA-256）
fact-new-tlsa = 新しい TLSA レコードの値
fact-family = 鍵の種類
fact-host = ホスト（TCP ポート { $port }）

# 日付
instant = { $clock } UTC（{ $date }）
date = { $year }年{ $month }{ $day }日
month-1 = 1月
month-2 = 2月
month-3 = 3月
month-4 = 4月
month-5 = 5月
month-6 = 6月
month-7 = 7月
month-8 = 8月
month-9 = 9月
month-10 = 10月
month-11 = 11月
month-12 = 12月

# 鍵の更新を、鍵をピン留めしている取引先に知らせる文面
letter-subject = { $names }: TLS 証明書の鍵の更新
letter-intro = メールサービス { $service } は、{ $names } として提示する TLS 証明書の鍵を更新します。公開鍵または証明書をピン留めしている取引先、および独自の TLSA レコードで検証している取引先にお知らせしています。
letter-at = 切り替えは { $instant }です。それまでは現在の証明書を提示します。
letter-undecided = 切り替え日時は改めてお知らせします。それまでは現在の証明書を提示します。
letter-current =
    現在の証明書
      鍵: { $key }
      発行者: { $issuer }
      有効期間の開始: { $from }
      有効期間の終了: { $until }
      証明書の SHA-256: { $sha256 }
      公開鍵の SHA-256: { $spki }
      TLSA: { $tlsa }
letter-next =
    次の証明書
      鍵: { $key }
      発行者: { $issuer }
      有効期間の開始: { $from }
      有効期間の終了: { $until }
      証明書の SHA-256: { $sha256 }
      公開鍵の SHA-256: { $spki }
      TLSA: { $tlsa }
letter-next-key =
    次の鍵（証明書は未発行です）
      鍵: { $key }
      公開鍵の SHA-256: { $spki }
      TLSA: { $tlsa }
letter-do = 切り替えまでに、現在の鍵に加えて次の鍵も許可し、切り替え後に現在の鍵を削除してください。値を用いる前に、信頼できる別の経路で照合してください。
