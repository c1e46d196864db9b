namespace RaftKv.Storage.State;

/// <summary>
/// Why a command had no effect. Every member of the cluster comes to the same answer, because nothing but the state and
/// the command is asked. What the caller is told for it, code and words, is the server's business.
/// </summary>
/// <remarks>The numbers are neither stored nor sent.</remarks>
public enum StateError
{
    /// <summary>It was applied.</summary>
    None = 0,

    /// <summary>A put that keeps the value or the lease found no key to keep it of.</summary>
    KeyNotFound,

    /// <summary>The revision is below the compaction horizon; for a compaction, not above it.</summary>
    Compacted,

    /// <summary>The revision has not been reached yet.</summary>
    FutureRevision,

    /// <summary>The quota is used up: an alarm says so, or this very entry crossed it.</summary>
    NoSpace,

    /// <summary>An alarm says that members disagree about the data.</summary>
    Corrupt,

    LeaseNotFound,

    /// <summary>A lease with this id was granted before.</summary>
    LeaseExists,

    LeaseTtlTooLarge,

    /// <summary>The id of the member to be added is in use.</summary>
    MemberExists,

    /// <summary>A peer URL belongs to another member.</summary>
    PeerUrlExists,

    /// <summary>There is no such member, or it was removed once and its id is banned for ever.</summary>
    MemberNotFound,

    /// <summary>The member to be promoted is a voter.</summary>
    MemberNotLearner,

    TooManyLearners,

    /// <summary>Authentication cannot be enabled without the user root.</summary>
    RootUserNotFound,

    /// <summary>Authentication cannot be enabled while the user root lacks the role root.</summary>
    RootRoleNotGranted,

    UserExists,

    /// <summary>A user without a name; also, whoever acts without credentials while authentication is on.</summary>
    UserEmpty,

    UserNotFound,

    RoleExists,

    /// <summary>A role without a name.</summary>
    RoleEmpty,

    RoleNotFound,

    /// <summary>Unknown user or wrong password; which of them is not told.</summary>
    AuthFailed,

    /// <summary>A password was given for a user that has none.</summary>
    NoPasswordUser,

    /// <summary>A permission is to be granted and none was given.</summary>
    PermissionNotGiven,

    PermissionDenied,

    /// <summary>The role to be revoked is not the user's.</summary>
    RoleNotGranted,

    /// <summary>The permission to be revoked is not the role's.</summary>
    PermissionNotGranted,

    AuthNotEnabled,

    /// <summary>Root would lose its rights while authentication is on; or a permission speaks of no key.</summary>
    InvalidAuthManagement,

    /// <summary>Users or roles have changed since the caller's credentials were looked at.</summary>
    AuthOldRevision,

    /// <summary>A named request is so old that it may have been applied, and forgotten.</summary>
    RequestTooOld,
}
