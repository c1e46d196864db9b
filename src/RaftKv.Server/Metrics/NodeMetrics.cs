using System.Globalization;
using RaftKv.Server.Api;
using RaftKv.Server.Hosting;
using RaftKv.Server.Peers;
using RaftKv.Storage.State;

namespace RaftKv.Server.Metrics;

/// <summary>
/// The page of metrics of a member: etcd's, by etcd's names, wherever there is such a thing here, and beside them our own,
/// which begin with <c>raftkv_</c>. It is put together when somebody asks, from what is counted anyway.
/// </summary>
internal sealed class NodeMetrics(RunningMember member, IPeerNetwork peers, RaftKvOptions options)
{
    public CallInstruments Calls { get; } = new(options.HasExtensiveMetrics);

    public HealthInstruments Health { get; } = new();

    public required PeerRoundTrips RoundTrips { get; init; }

    /// <summary>Of the services, when there are some.</summary>
    public OverloadGate? Gate { get; set; }

    private string Id => member.Self.ToString();

    public string Page()
    {
        var page = new MetricsText();
        WriteServer(page);
        WriteDisk(page);
        WriteKeys(page);
        WriteLeases(page);
        WriteNetwork(page);
        Calls.WriteTo(page);
        Health.WriteTo(page);
        WriteOwn(page);
        ProcessInstruments.WriteTo(page);
        return page.ToString();
    }

    private static double Flag(bool value) => value ? 1 : 0;

    private void WriteServer(MetricsText page)
    {
        var status = member.Status;
        var stages = member.Instruments;
        page.Gauge("etcd_server_has_leader", "Whether the member knows a leader.", Flag(!status.Leader.IsNone));
        page.Gauge("etcd_server_is_leader", "Whether the member leads.", Flag(status.Leader == member.Self));
        page.Gauge("etcd_server_is_learner", "Whether the member has no vote.", Flag(status.IsLearner));
        page.Counter("etcd_server_leader_changes_seen_total", "Changes of the leader that the member has seen.", stages.LeaderChanges.Value);
        page.Gauge("etcd_server_proposals_committed_total", "Up to where the log is agreed upon.", status.CommitIndex);
        page.Gauge("etcd_server_proposals_applied_total", "Up to where it is applied.", status.AppliedIndex);
        page.Gauge("etcd_server_proposals_pending", "Proposals that wait for an answer.", member.PendingProposals);
        page.Counter("etcd_server_proposals_failed_total", "Proposals that were given up.", member.FailedProposals);
        page.Counter("etcd_server_slow_apply_total", "Batches whose application took longer than the warning limit.", stages.SlowApplies.Value);
        page.Counter("etcd_server_slow_read_indexes_total", "Rounds of reads that had to be asked again.", member.LostReadRounds);
        page.Counter("etcd_server_read_indexes_failed_total", "Reads that were given up.", member.FailedReads);
        page.Gauge("etcd_server_quota_backend_bytes", "How large the data may grow.", options.EffectiveQuotaBytes);
        page.Begin("etcd_server_version", "gauge", "The version of etcd whose API this is.");
        page.Sample(1, ("server_version", RaftKvNode.EtcdVersion));
        page.Begin("etcd_server_id", "gauge", "The member's id.");
        page.Sample(1, ("server_id", Id));
        page.Begin("etcd_cluster_version", "gauge", "The cluster's version.");
        page.Sample(1, ("cluster_version", RaftKvNode.EtcdVersion[..RaftKvNode.EtcdVersion.LastIndexOf('.')]));
        page.Histogram("raftkv_apply_duration_seconds", "Of an entry, on the average of its batch.", stages.Applies);
        page.Gauge("etcd_server_snapshot_apply_in_progress_total", "States from the leader that are being taken in.", member.SnapshotsArriving);
        page.Begin("etcd_debugging_server_alarms", "gauge", "Alarms that stand.");
        foreach (var alarm in member.Alarms)
        {
            page.Sample(1, ("server_id", alarm.Member.ToString()), ("alarm_type", NameOf(alarm.Kind)));
        }

        page.Gauge("etcd_debugging_auth_revision", "How often users and roles have changed.", member.Auth.Revision);
    }

    private void WriteDisk(MetricsText page)
    {
        var stages = member.Instruments;
        page.Histogram("etcd_disk_wal_fsync_duration_seconds", "Syncs of the write-ahead log.", stages.WalSyncs);
        page.Histogram("etcd_disk_wal_write_duration_seconds", "Writes to the write-ahead log, before their sync.", stages.WalWrites);
        page.Gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the write-ahead log.", stages.WalBytes.Value);
        page.Histogram("etcd_disk_backend_commit_duration_seconds", "Batches of entries, until readers see them.", stages.Commits);
        page.Histogram("etcd_disk_backend_snapshot_duration_seconds", "Checkpoints, from their begin to their durability.", stages.Checkpoints);
        var (taken, needed) = member.Space;
        page.Gauge("etcd_mvcc_db_total_size_in_bytes", "What the data takes on the disk.", taken);
        page.Gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "What of it is needed. The quota is about this.", needed);
    }

    private void WriteKeys(MetricsText page)
    {
        var keys = member.Keys;
        page.Counter("etcd_mvcc_put_total", "Puts that were applied.", keys.PutCount);
        page.Counter("etcd_mvcc_delete_total", "Keys that were deleted.", keys.DeleteCount);
        page.Counter("etcd_mvcc_range_total", "Ranges that were read.", Gate?.Ranges.Value ?? 0);
        page.Counter("etcd_mvcc_txn_total", "Transactions.", Gate?.Transactions.Value ?? 0);
        using (var view = member.OpenView())
        {
            page.Gauge("etcd_debugging_mvcc_keys_total", "Keys that are there.", view.Keys.LiveKeys);
        }

        page.Gauge("etcd_debugging_mvcc_total_put_size_in_bytes", "Bytes of keys and values that were put.", keys.PutBytes);
        page.Gauge("etcd_debugging_mvcc_current_revision", "The revision.", keys.PublishedRevision);
        page.Gauge("etcd_debugging_mvcc_compact_revision", "What history is compacted to; -1 for nothing.", keys.PublishedCompacted);
        page.Gauge("etcd_debugging_mvcc_watcher_total", "Watchers.", member.Watches.WatcherCount);
        page.Gauge("etcd_debugging_mvcc_watch_stream_total", "Streams of watchers.", member.Watches.StreamCount);
        page.Gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers that have something to be told.", member.Watches.PendingCount);
        page.Counter("etcd_debugging_mvcc_db_compaction_keys_total", "Revisions that compaction has taken out.", keys.CompactedCount);
        page.Histogram(
            "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds", "For how long steps of compaction hold applying up.", member.Instruments.CompactionSteps);
        page.Histogram(
            "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds", "How long compactions take, with the rests between their steps.", member.Instruments.Compactions);
        page.Gauge("etcd_debugging_mvcc_db_compaction_last", "When history was compacted last, in seconds since 1970.", member.Instruments.LastCompaction);
    }

    private void WriteLeases(MetricsText page)
    {
        var stages = member.Instruments;
        page.Counter("etcd_debugging_lease_granted_total", "Leases granted.", stages.LeasesGranted.Value);
        page.Counter("etcd_debugging_lease_revoked_total", "Leases revoked.", stages.LeasesRevoked.Value);
        page.Counter("etcd_debugging_lease_renewed_total", "Leases renewed by this member as the leader.", stages.LeasesRenewed.Value);
        page.Counter("etcd_debugging_server_lease_expired_total", "Leases that ran out under this member as the leader.", member.ExpiredLeases);
        page.Histogram("etcd_debugging_lease_ttl_total", "The TTLs of leases that were granted, in seconds.", stages.LeaseTtls);
    }

    private void WriteNetwork(MetricsText page)
    {
        var statuses = peers.Statuses();
        Each(page, statuses, "etcd_network_peer_sent_bytes_total", "counter", "Bytes sent to members.", "To", peer => peer.SentBytes);
        Each(page, statuses, "etcd_network_peer_received_bytes_total", "counter", "Bytes received from members.", "From", peer => peer.ReceivedBytes);
        Each(page, statuses, "etcd_network_peer_sent_failures_total", "counter", "Messages to members that were dropped.", "To", peer => peer.DroppedMessages);
        Each(page, statuses, "etcd_network_peer_received_failures_total", "counter", "Connections to members that were lost.", "From", peer => peer.Disconnects);
        Each(page, statuses, "etcd_network_snapshot_send_success", "counter", "States delivered to members.", "To", peer => peer.SnapshotsDelivered);
        Each(page, statuses, "etcd_network_snapshot_send_failures", "counter", "States that could not be delivered to members.", "To", peer => peer.SnapshotsFailed);
        Each(page, statuses, "etcd_network_snapshot_send_inflights_total", "gauge", "States on their way to members.", "To", peer => Flag(peer.IsSendingSnapshot));
        page.Begin("etcd_network_peer_round_trip_time_seconds", "histogram", "How long members take to answer.");
        foreach (var peer in statuses)
        {
            page.Sample(RoundTrips.Of(peer.Id), ("To", peer.Id.ToString()));
        }

        page.Begin("etcd_network_active_peers", "gauge", "Members to which there is a connection.");
        foreach (var peer in statuses)
        {
            page.Sample(Flag(peer.IsConnected), ("Local", Id), ("Remote", peer.Id.ToString()));
        }

        page.Begin("etcd_network_known_peers", "gauge", "Members that are known.");
        foreach (var peer in statuses)
        {
            page.Sample(1, ("Local", Id), ("Remote", peer.Id.ToString()));
        }

        page.Begin("etcd_network_disconnected_peers_total", "counter", "Connections to members that were lost.");
        foreach (var peer in statuses)
        {
            page.Sample(peer.Disconnects, ("Local", Id), ("Remote", peer.Id.ToString()));
        }
    }

    private void WriteOwn(MetricsText page)
    {
        page.Begin("raftkv_version", "gauge", "The program's own version.");
        page.Sample(1, ("version", RaftKvNode.Version));
        page.Gauge("raftkv_out_of_service", "Whether the member serves nobody, because its data is known to be wrong.", Flag(member.IsOutOfService));
        page.Counter("raftkv_mended_total", "How often a state of the leader has taken the place of one that was wrong.", member.Mending.MendedCount);
        page.Gauge("raftkv_term", "The term that the member is in.", member.Status.Term);
        page.Gauge("raftkv_pending_write_bytes", "Bytes of writes under way.", Gate?.WriteBytes ?? 0);
        page.Gauge("raftkv_pending_reads", "Reads under way.", Gate?.Reads ?? 0);
        page.Gauge("raftkv_pending_read_bytes", "Bytes of large answers that wait for their clients.", Gate?.AnswerBytes ?? 0);
        page.Counter("raftkv_overload_refusals_total", "Requests that were refused because too much was under way.", Gate?.Refused ?? 0);
        page.Begin("raftkv_certificate_expiry_seconds", "gauge", "When certificates that the member uses expire, in seconds since 1970.");
        foreach (var certificate in member.Certificates)
        {
            page.Sample(
                certificate.NotAfter.ToUnixTimeSeconds(), ("use", certificate.Use), ("file", certificate.File), ("subject", certificate.Subject));
        }

        var statuses = peers.Statuses();
        Each(page, statuses, "raftkv_peer_queued_bytes", "gauge", "Bytes that wait to be sent to members.", "To", peer => peer.QueuedBytes);
        Each(page, statuses, "raftkv_peer_heard_seconds", "gauge", "How long ago members were last heard; -1 while there is no connection.", "From", peer => peer.HeardAgo?.TotalSeconds ?? -1);
    }

    private static void Each(
        MetricsText page, IReadOnlyList<PeerStatus> peers, string name, string type, string help, string label, Func<PeerStatus, double> value)
    {
        page.Begin(name, type, help);
        foreach (var peer in peers)
        {
            page.Sample(value(peer), (label, peer.Id.ToString()));
        }
    }

    private static string NameOf(AlarmKind kind) => kind switch
    {
        AlarmKind.NoSpace => "NOSPACE",
        AlarmKind.Corrupt => "CORRUPT",
        _ => ((int)kind).ToString(CultureInfo.InvariantCulture),
    };
}
