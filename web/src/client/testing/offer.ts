/** A session-initiate as focus sends it, shortened from one seen on the wire. */
export function offerXml({ data = false, sources = '', rewriting = true } = {}): string {
  const transport = `<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='2u8241k' pwd='42nr23039qc4ov4rtqpfnrkj2p'><web-socket xmlns='http://jitsi.org/protocol/colibri' url='ws://127.0.0.1:9091/colibri-ws/jvb1/fedc/dba605c3?pwd=eE'/><rtcp-mux/>${data ? "<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='5000' protocol='webrtc-datachannel' streams='1024'/>" : ''}<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass' required='false'>D6:94:21:13</fingerprint><candidate foundation='1' component='1' port='12001' generation='0' protocol='udp' network='0' priority='2130706431' type='host' ip='198.18.0.1' id='e91'/></transport>`;
  const content = (name: string, inner: string): string =>
    `<content name='${name}' creator='initiator' senders='both'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='${name === 'data' ? 'application' : name}'>${inner}</description>${transport}</content>`;
  const fb =
    "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='ccm' subtype='fir'/><rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack'/>";
  const ext = (id: number, uri: string): string =>
    `<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='${id}' uri='${uri}'/>`;
  const codec = (id: number, name: string, inner = ''): string =>
    `<payload-type id='${id}' name='${name}' clockrate='90000'>${inner}</payload-type>`;
  const apt = (id: number): string => `<parameter name='apt' value='${id}'/>`;
  const others = rewriting
    ? ''
    : ',"a9ecf68b":[[{"s":5010,"n":"a9ecf68b-v0","m":"a b"},{"s":5011,"n":"a9ecf68b-v0","m":"a b"}],[["f",5010,5011]],[{"s":5000,"n":"a9ecf68b-a0","m":"c d"}]]';
  const json = `{"sources":{"jvb":[[{"s":2622895325,"n":"jvb-v0","m":"mixedmslabel mixedlabelvideo0"}],[],[{"s":3673838367,"n":"jvb-a0","m":"mixedmslabel mixedlabelaudio0"}]]${others}}}`;
  return `<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='focus@auth.meet.local/focus' sid='81ggqtsufoeo8'>${content(
    'audio',
    `<payload-type id='111' name='opus' clockrate='48000' channels='2'><parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/></payload-type><payload-type id='126' name='telephone-event' clockrate='8000'/>${ext(1, 'urn:ietf:params:rtp-hdrext:ssrc-audio-level')}${ext(10, 'urn:ietf:params:rtp-hdrext:sdes:mid')}`,
  )}${content(
    'video',
    codec(41, 'AV1', fb) +
      codec(100, 'VP8', fb) +
      codec(
        107,
        'H264',
        `<parameter name='profile-level-id' value='42e01f;level-asymmetry-allowed=1;packetization-mode=1;'/>${fb}`,
      ) +
      codec(101, 'VP9', fb) +
      codec(42, 'rtx', apt(41)) +
      codec(96, 'rtx', apt(100)) +
      codec(97, 'rtx', apt(101)) +
      codec(99, 'rtx', apt(107)) +
      ext(
        11,
        'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
      ),
  )}${data ? content('data', '') : ''}<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'><content name='audio'/><content name='video'/></group><bridge-session xmlns='http://jitsi.org/protocol/focus' id='579b4f6b' region='region1'/><json-message xmlns='http://jitsi.org/jitmeet'>${(sources || json).replaceAll('"', '&quot;')}</json-message></jingle>`;
}
