namespace RaftKv.Storage.State;

/// <summary>
/// What a replicated command does: the first byte of an entry's payload, before the command's own bytes. The numbers are
/// on disk for ever; each group has room to grow, and the number of a command that is given up is not used again.
/// </summary>
public enum CommandKind : byte
{
    // No command is 0, so that zeroed bytes are never taken for one.

    // The key space.
    Put = 1,
    DeleteRange = 2,
    Txn = 3,
    Compact = 4,

    /// <summary>As <see cref="Compact"/>, by the cluster itself: nobody's rights are asked.</summary>
    CompactByItself = 5,

    // Leases.
    LeaseGrant = 16,
    LeaseRevoke = 17,
    LeaseCheckpoint = 18,

    // The cluster.
    Alarm = 32,
    MemberAttributes = 33,

    /// <summary>Every member is to say what sum it comes to here.</summary>
    StateMark = 34,

    /// <summary>A member says what sum it came to at a mark.</summary>
    StateSum = 35,

    // Users and roles.
    AuthEnable = 48,
    AuthDisable = 49,
    Authenticate = 50,
    UserAdd = 51,
    UserDelete = 52,
    UserChangePassword = 53,
    UserGrantRole = 54,
    UserRevokeRole = 55,
    RoleAdd = 56,
    RoleDelete = 57,
    RoleGrantPermission = 58,
    RoleRevokePermission = 59,
}
