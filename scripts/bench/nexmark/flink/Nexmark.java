import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.CoGroupFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessAllWindowFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * BROKERS QUERY PREFIX OUTPUT GROUP FOLDER: one query of Nexmark as a DataStream job in a MiniCluster, from the topics that
 * begin with PREFIX, up to their ends, to OUTPUT. Settings are Flink's own but for checkpoints to FOLDER: parallelism 1, state
 * in hash maps, no object reuse. Prints how long it took from the first record to its end, ms, and the processor time of its
 * process, ms.
 */
public class Nexmark {
  static final ObjectMapper JSON = new ObjectMapper();
  static final Duration WINDOW = Duration.ofSeconds(10);
  static final Duration ADVANCE = Duration.ofSeconds(2);
  static final Set<String> LOCAL_STATES = Set.of("OR", "ID", "CA");
  static volatile long firstMs;

  public static class Person {
    public long id;
    public String name, emailAddress, creditCard, city, state;
    public long dateTime;
    public String extra;
  }

  public static class Auction {
    public long id;
    public String itemName, description;
    public long initialBid, reserve, dateTime, expires, seller, category;
    public String extra;
  }

  /** What goes out has a key. Fields are written in their order. */
  public interface Keyed {
    long key();
  }

  public static class Bid implements Keyed {
    public long auction, bidder, price;
    public String channel, url;
    public long dateTime;
    public String extra;

    public long key() {
      return auction;
    }
  }

  public static class BidInEuros implements Keyed {
    public long auction, bidder;
    public double price;
    public String channel, url;
    public long dateTime;
    public String extra;

    public long key() {
      return auction;
    }

    static BidInEuros of(Bid bid) {
      BidInEuros out = new BidInEuros();
      out.auction = bid.auction;
      out.bidder = bid.bidder;
      out.price = bid.price * 0.908;
      out.channel = bid.channel;
      out.url = bid.url;
      out.dateTime = bid.dateTime;
      out.extra = bid.extra;
      return out;
    }
  }

  public static class PricedAuction implements Keyed {
    public long auction, price;

    public long key() {
      return auction;
    }

    static PricedAuction of(Bid bid) {
      PricedAuction out = new PricedAuction();
      out.auction = bid.auction;
      out.price = bid.price;
      return out;
    }
  }

  public static class LocalItem implements Keyed {
    public String name, city, state;
    public long id;

    public long key() {
      return id;
    }

    static LocalItem of(Auction auction, Person seller) {
      LocalItem out = new LocalItem();
      out.name = seller.name;
      out.city = seller.city;
      out.state = seller.state;
      out.id = auction.id;
      return out;
    }
  }

  public static class BidsOfAuction {
    public long auction, bids, windowEndMs;
  }

  public static class HotAuctions implements Keyed {
    public List<Long> auctions = new ArrayList<>();
    public long bids, windowEndMs;

    public long key() {
      return windowEndMs - WINDOW.toMillis();
    }
  }

  public static class HighBid {
    public long auction, bidder, dateTime;
  }

  public static class HighestBids implements Keyed {
    public long price;
    public List<HighBid> bids = new ArrayList<>();
    public long windowEndMs;

    public long key() {
      return windowEndMs - WINDOW.toMillis();
    }
  }

  public static class NewSeller implements Keyed {
    public long id;
    public String name;
    public long windowEndMs;

    public long key() {
      return id;
    }
  }

  static class Read<T> implements KafkaRecordDeserializationSchema<T> {
    final Class<T> type;
    transient ObjectReader reader;

    Read(Class<T> type) {
      this.type = type;
    }

    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<T> out) throws IOException {
      if (reader == null) {
        reader = JSON.readerFor(type);
        if (firstMs == 0) firstMs = System.currentTimeMillis();
      }
      out.collect(reader.readValue(record.value()));
    }

    public TypeInformation<T> getProducedType() {
      return TypeInformation.of(type);
    }
  }

  static class Write<T extends Keyed> implements KafkaRecordSerializationSchema<T> {
    final String topic;

    Write(String topic) {
      this.topic = topic;
    }

    public ProducerRecord<byte[], byte[]> serialize(T value, KafkaSinkContext context, Long timestampMs) {
      try {
        byte[] key = ByteBuffer.allocate(8).putLong(value.key()).array();
        return new ProducerRecord<>(topic, null, null, key, JSON.writeValueAsBytes(value));
      } catch (IOException error) {
        throw new IllegalStateException(error);
      }
    }
  }

  static class JoinItems extends KeyedCoProcessFunction<Long, Person, Auction, LocalItem> {
    transient ValueState<Person> seller;
    transient ListState<Auction> waiting;

    public void open(OpenContext context) {
      seller = getRuntimeContext().getState(new ValueStateDescriptor<>("seller", Person.class));
      waiting = getRuntimeContext().getListState(new ListStateDescriptor<>("waiting", Auction.class));
    }

    public void processElement1(Person person, Context context, Collector<LocalItem> out) throws Exception {
      seller.update(person);
      for (Auction auction : waiting.get()) out.collect(LocalItem.of(auction, person));
      waiting.clear();
    }

    public void processElement2(Auction auction, Context context, Collector<LocalItem> out) throws Exception {
      Person person = seller.value();
      if (person == null) waiting.add(auction);
      else out.collect(LocalItem.of(auction, person));
    }
  }

  static class Count implements AggregateFunction<Bid, Long, Long> {
    public Long createAccumulator() {
      return 0L;
    }

    public Long add(Bid bid, Long count) {
      return count + 1;
    }

    public Long getResult(Long count) {
      return count;
    }

    public Long merge(Long a, Long b) {
      return a + b;
    }
  }

  static class OfWindow extends ProcessWindowFunction<Long, BidsOfAuction, Long, TimeWindow> {
    public void process(Long auction, Context context, Iterable<Long> counts, Collector<BidsOfAuction> out) {
      BidsOfAuction bids = new BidsOfAuction();
      bids.auction = auction;
      bids.bids = counts.iterator().next();
      bids.windowEndMs = context.window().getEnd();
      out.collect(bids);
    }
  }

  static class Hottest implements AggregateFunction<BidsOfAuction, HotAuctions, HotAuctions> {
    public HotAuctions createAccumulator() {
      return new HotAuctions();
    }

    public HotAuctions add(BidsOfAuction bids, HotAuctions hot) {
      hot.windowEndMs = bids.windowEndMs;
      if (bids.bids > hot.bids) {
        hot.bids = bids.bids;
        hot.auctions.clear();
      }
      if (bids.bids == hot.bids) hot.auctions.add(bids.auction);
      return hot;
    }

    public HotAuctions getResult(HotAuctions hot) {
      hot.auctions = new ArrayList<>(new TreeSet<>(hot.auctions));
      return hot;
    }

    public HotAuctions merge(HotAuctions a, HotAuctions b) {
      throw new UnsupportedOperationException();
    }
  }

  static class Highest implements AggregateFunction<Bid, HighestBids, HighestBids> {
    public HighestBids createAccumulator() {
      return new HighestBids();
    }

    public HighestBids add(Bid bid, HighestBids highest) {
      if (bid.price > highest.price) {
        highest.price = bid.price;
        highest.bids.clear();
      }
      if (bid.price == highest.price) {
        HighBid high = new HighBid();
        high.auction = bid.auction;
        high.bidder = bid.bidder;
        high.dateTime = bid.dateTime;
        highest.bids.add(high);
      }
      return highest;
    }

    public HighestBids getResult(HighestBids highest) {
      Comparator<HighBid> byTime = Comparator.comparingLong(bid -> bid.dateTime);
      highest.bids.sort(byTime.thenComparingLong(bid -> bid.auction));
      return highest;
    }

    public HighestBids merge(HighestBids a, HighestBids b) {
      throw new UnsupportedOperationException();
    }
  }

  static class EndOfWindow extends ProcessAllWindowFunction<HighestBids, HighestBids, TimeWindow> {
    public void process(Context context, Iterable<HighestBids> all, Collector<HighestBids> out) {
      HighestBids highest = all.iterator().next();
      highest.windowEndMs = context.window().getEnd();
      out.collect(highest);
    }
  }

  static class BothSeen implements CoGroupFunction<Person, Auction, NewSeller> {
    public void coGroup(Iterable<Person> persons, Iterable<Auction> auctions, Collector<NewSeller> out) {
      if (!auctions.iterator().hasNext()) return;
      for (Person person : persons) {
        NewSeller seller = new NewSeller();
        seller.id = person.id;
        seller.name = person.name;
        seller.windowEndMs = person.dateTime - person.dateTime % WINDOW.toMillis() + WINDOW.toMillis();
        out.collect(seller);
      }
    }
  }

  final StreamExecutionEnvironment env;
  final String brokers, prefix, output, group;

  Nexmark(StreamExecutionEnvironment env, String brokers, String prefix, String output, String group) {
    this.env = env;
    this.brokers = brokers;
    this.prefix = prefix;
    this.output = output;
    this.group = group;
  }

  /** Events are in order of time, and a record's time is its event's. */
  <T> DataStream<T> stream(String kind, Class<T> type) {
    KafkaSource<T> source =
        KafkaSource.<T>builder()
            .setBootstrapServers(brokers)
            .setTopics(prefix + kind)
            .setGroupId(group)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setDeserializer(new Read<>(type))
            .build();
    return env.fromSource(source, WatermarkStrategy.forMonotonousTimestamps(), kind);
  }

  <T extends Keyed> void write(DataStream<T> results) {
    results.sinkTo(
        KafkaSink.<T>builder()
            .setBootstrapServers(brokers)
            .setRecordSerializer(new Write<>(output))
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .build());
  }

  void declare(String query) {
    switch (query) {
      case "q0" -> write(stream("bid", Bid.class));
      case "q1" -> write(stream("bid", Bid.class).map(BidInEuros::of).returns(BidInEuros.class));
      case "q2" ->
          write(
              stream("bid", Bid.class)
                  .filter(bid -> bid.auction % 123 == 0)
                  .map(PricedAuction::of)
                  .returns(PricedAuction.class));
      case "q3" ->
          write(
              stream("person", Person.class)
                  .filter(person -> LOCAL_STATES.contains(person.state))
                  .keyBy(person -> person.id)
                  .connect(
                      stream("auction", Auction.class)
                          .filter(auction -> auction.category == 10)
                          .keyBy(auction -> auction.seller))
                  .process(new JoinItems()));
      case "q5" ->
          write(
              stream("bid", Bid.class)
                  .keyBy(bid -> bid.auction)
                  .window(SlidingEventTimeWindows.of(WINDOW, ADVANCE))
                  .aggregate(new Count(), new OfWindow())
                  // The counts of a window have the time of its last moment: they are alone in these.
                  .windowAll(TumblingEventTimeWindows.of(ADVANCE))
                  .aggregate(new Hottest()));
      case "q7" ->
          write(
              stream("bid", Bid.class)
                  .windowAll(TumblingEventTimeWindows.of(WINDOW))
                  .aggregate(new Highest(), new EndOfWindow()));
      case "q8" ->
          write(
              stream("person", Person.class)
                  .coGroup(stream("auction", Auction.class))
                  .where(person -> person.id)
                  .equalTo(auction -> auction.seller)
                  .window(TumblingEventTimeWindows.of(WINDOW))
                  .apply(new BothSeen()));
      default -> throw new IllegalArgumentException(query);
    }
  }

  public static void main(String[] args) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("execution.checkpointing.interval", "30s");
    settings.setString("execution.checkpointing.dir", "file://" + args[5]);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
    new Nexmark(env, args[0], args[2], args[3], args[4]).declare(args[1]);
    env.execute(args[1]);
    long elapsedMs = System.currentTimeMillis() - firstMs;
    long cpuMs = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis();
    System.out.println(elapsedMs + " " + cpuMs);
    System.exit(0);
  }
}
