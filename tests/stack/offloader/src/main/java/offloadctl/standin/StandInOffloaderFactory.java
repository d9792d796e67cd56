package offloadctl.standin;

import java.util.Map;
import org.apache.bookkeeper.common.util.OrderedScheduler;
import org.apache.bookkeeper.mledger.LedgerOffloaderFactory;
import org.apache.bookkeeper.mledger.LedgerOffloaderStats;
import org.apache.bookkeeper.mledger.LedgerOffloaderStatsDisable;
import org.apache.pulsar.common.policies.data.OffloadPoliciesImpl;

/** What the broker looks for in the nar: makes an offloader for the drivers {@code aws-s3} and {@code S3}. */
public final class StandInOffloaderFactory implements LedgerOffloaderFactory<StandInOffloader> {

    @Override
    public boolean isDriverSupported(String driverName) {
        return Driver.byName(driverName).isPresent();
    }

    @Override
    public StandInOffloader create(
            OffloadPoliciesImpl policies, Map<String, String> userMetadata, OrderedScheduler scheduler) {
        return create(policies, userMetadata, scheduler, LedgerOffloaderStatsDisable.INSTANCE);
    }

    @Override
    public StandInOffloader create(
            OffloadPoliciesImpl policies,
            Map<String, String> userMetadata,
            OrderedScheduler scheduler,
            LedgerOffloaderStats stats) {
        return new StandInOffloader(policies, userMetadata, scheduler, stats);
    }
}
